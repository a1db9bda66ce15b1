// What is read of an indexed folder before any of its samples: .info.json, the split file, the length and the
// last entry of every .tar.idx, and the table of the recorded shapes. Of a folder that many ranks read, one
// can read it for all (data/loader/source_index.h).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "data/energon/split_shards.h"

namespace dfm::data {

struct DatasetIndex {
  std::filesystem::path root;
  std::vector<IndexedShard> shards;  // of one split
  std::string shapes;                // the front of dfm_shapes.bin; empty: nothing was recorded
};

// Throws a data error that says what to do: no index, an index that does not fit its shard, no such split, an
// empty one, a split that names a shard that is not there, shapes of other shards.
// split_file: as for read_split.
DatasetIndex read_dataset_index(const std::filesystem::path& root, std::string_view split,
                                std::string_view split_file = {});

}  // namespace dfm::data
