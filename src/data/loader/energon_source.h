// What dataset.path names as a source of training samples: a prepared folder, or a metadataset that blends
// several.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "data/loader/sample.h"
#include "data/loader/source_index.h"
#include "data/loader/source_settings.h"

namespace dfm::data {

// Samples are read from copies of the shards where there are any. Throws a data error for a blend that cannot
// be drawn from.
SampleSource energon_source(const SourceIndex& index, const SourceSettings& settings = {});
// Throws as read_source_index does, too.
SampleSource energon_source(const std::filesystem::path& path, std::string_view split,
                            const SourceSettings& settings = {});

// What is read of some sources while their samples are: the recorded shapes, and the shards, each after its
// index.
struct SourceFiles {
  std::filesystem::path root;      // the folder, or the one that holds all folders of a blend
  std::vector<std::string> names;  // relative to the root
};
// At least one source.
SourceFiles files_of(const std::vector<const SourceIndex*>& sources);

// Whether the split exists and names at least one shard.
bool has_samples(const std::filesystem::path& path, std::string_view split);

}  // namespace dfm::data
