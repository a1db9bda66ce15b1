// What dataset.path names as a source of training samples: a prepared folder, or a metadataset that blends
// several.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "data/loader/sample.h"
#include "data/loader/source_settings.h"

namespace dfm::data {

// Throws a data error when the folder is not indexed or its split is empty.
// Samples are read from copies of the shards where there are any.
SampleSource energon_source(const std::filesystem::path& path, std::string_view split,
                            const SourceSettings& settings = {});

// What is read of some splits, sample by sample: their shards, each after its index.
struct SplitFiles {
  std::filesystem::path root;      // the folder, or the one that holds all folders of a blend
  std::vector<std::string> names;  // relative to the root
};
SplitFiles files_of_splits(const std::filesystem::path& path, const std::vector<std::string>& splits);

// Whether the split exists and names at least one shard.
bool has_samples(const std::filesystem::path& path, std::string_view split);

}  // namespace dfm::data
