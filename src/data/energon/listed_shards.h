// The shards that .info.json lists, for making their indices anew without finding them again.
#pragma once

#include <filesystem>

#include "data/energon/dataset_metadata.h"
#include "data/energon/index_report.h"
#include "data/energon/shard_discovery.h"

namespace dfm::data {

// In their order. Throws a data error when the folder is not indexed or a shard is missing.
Discovery listed_shards(const std::filesystem::path& root);

// The same with a size of 0 for those that are missing.
std::vector<ShardFile> files_of(const std::filesystem::path& root, const DatasetInfo& info);

// Throws a data error when the shards no longer hold what .info.json says: its places and counts then number
// other samples.
void refuse_other_counts(const std::filesystem::path& root, const IndexReport& report);

}  // namespace dfm::data
