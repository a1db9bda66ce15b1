// One shard against all that is recorded of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/energon/dataset_metadata.h"
#include "data/energon/shard_result.h"

namespace dfm::data {

struct ShardCheck {
  std::uint64_t samples = 0, parts = 0, tensors = 0, bytes = 0;
  std::vector<std::string> findings;
};

// place: the shard's in .info.json.
ShardCheck check_shard(const std::filesystem::path& root, std::size_t place, const ShardCount& listed,
                       const ShapeReader& read_shapes);

}  // namespace dfm::data
