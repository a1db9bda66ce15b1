// The samples of a shard with the shapes of their tensors, from what dfm_index recorded where that is of the
// shard as it is now, else from its headers.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "data/energon/sample_shapes.h"
#include "data/energon/shard_result.h"

namespace dfm::data {

using SampleVisitor = std::function<void(const ShardSample&, const SampleShape&)>;

// In file order. Shapes that are not known are all 0. Writes nothing. Throws a data error for a shard that
// cannot be read.
void visit_samples(const std::filesystem::path& root, const std::string& shard,
                   const ShapeReader& read_shapes, const SampleVisitor& visit);

}  // namespace dfm::data
