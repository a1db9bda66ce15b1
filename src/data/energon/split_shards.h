// The shards of one split of an indexed folder, checked against their index files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "data/energon/shard_state.h"

namespace dfm::data {

struct IndexedShard {
  std::string name;  // relative to the root
  std::filesystem::path path;
  std::uint64_t samples = 0;            // without the excluded ones
  std::uint64_t end_offset = 0;         // of the archive
  std::vector<std::uint64_t> excluded;  // places in the archive, ascending
  ShardState state = {};                // when it was listed

  // The place in the archive of a sample that is not excluded.
  std::uint64_t stored_place(std::uint64_t sample) const;
  std::uint64_t stored_samples() const { return samples + excluded.size(); }
};

// In the order of the split file, without the shards that it excludes. Samples that it excludes one by one
// (SHARD/KEY) are looked up: the headers of the shards that have such entries are scanned.
//
// Throws a data error that says what to do: no index, an index that does not fit its shard, no such split, an
// empty one, a split that names a shard that is not indexed.
// split_file: in .nv-meta; empty: split.yaml, or split.json where that is missing.
std::vector<IndexedShard> read_split(const std::filesystem::path& root, std::string_view split,
                                     std::string_view split_file = {});

}  // namespace dfm::data
