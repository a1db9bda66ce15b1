// A shard with its index, for tests of what reads it.
#pragma once

#include "data/energon/shard_result.h"
#include "data/energon/tar_index.h"

namespace dfm::data::testing {

// Reads a shard, and writes its index file unless the shard is to be skipped.
inline ShardResult index_shard(const std::filesystem::path& root, const std::string& name,
                               const ShapeReader& read_shapes = {}) {
  ShardResult result = read_shard(root, name, read_shapes);
  if (result.summary.skip_reason.empty()) write_tar_index(root / name, result.offsets);
  return result;
}

}  // namespace dfm::data::testing
