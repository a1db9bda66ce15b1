// Reads the shapes of a sample's tensors from its shard, for dfm_index.
#pragma once

#include "data/energon/shard_result.h"

namespace dfm::data {

// From the headers of the two parts alone: a few reads of a few KiB a sample.
ShapeReader tensor_shape_reader();

}  // namespace dfm::data
