// What to index and how: section [index] of the configuration.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "data/energon/dataset_definition.h"
#include "data/energon/split_patterns.h"
#include "data/energon/splits.h"
#include "data/media_rows/media_filter.h"

namespace dfm::data {

struct IndexSettings {
  std::filesystem::path root = {};
  std::string exclude = {};  // regular expression; empty for none
  SplitRatio split_ratio{1, 0, 0};
  std::vector<SplitPattern> split_patterns = {};  // where there are some, they count instead of the ratio
  bool shuffle_tars = false;
  bool tar_index_only = false;   // the shards of .info.json, and no other file of .nv-meta than index.*
  bool rescan = false;           // read all shards, also those that did not change
  bool strict = false;           // a shard that is damaged is an error
  bool force_overwrite = false;  // replace split.yaml and dataset.yaml where they exist

  std::optional<DatasetDefinition> dataset = DatasetDefinition{};  // none: no dataset.yaml is written
  std::string dataset_yaml_name = "dataset.yaml";
  std::optional<MediaFilter> media = {};  // whose metadata is recorded; none: of none
  bool replace_sample_loader = false;     // where it exists; force_overwrite keeps it, since users write it
};

// Throws a usage error for a missing index.root and for what is malformed or does not go together.
IndexSettings index_settings(const Config& config);

}  // namespace dfm::data
