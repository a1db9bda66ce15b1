// What to index and how: section [index] of the configuration.
#pragma once

#include <filesystem>
#include <string>

#include "config/config.h"
#include "data/energon/splits.h"

namespace dfm::data {

struct IndexSettings {
  std::filesystem::path root = {};
  std::string exclude = {};  // regular expression; empty for none
  SplitRatio split_ratio{1, 0, 0};
  bool shuffle_tars = false;
  bool rescan = false;           // read all shards, also those that did not change
  bool strict = false;           // a shard that is damaged is an error
  bool force_overwrite = false;  // replace split.yaml and dataset.yaml where they exist
};

// Throws a usage error for a missing index.root and a malformed ratio.
IndexSettings index_settings(const Config& config);

}  // namespace dfm::data
