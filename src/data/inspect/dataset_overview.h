// What an indexed data set holds, for dfm_index --info: from its metadata alone, no shard is opened.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/energon/dataset_metadata.h"
#include "data/energon/index_report.h"
#include "data/energon/sample_table_reader.h"

namespace dfm::data {

struct DatasetOverview {
  std::filesystem::path root;
  DatasetInfo info;
  std::vector<std::uint64_t> shard_bytes;  // one a shard; 0 where it is missing
  std::vector<SplitSummary> splits;
  std::uint64_t excluded = 0;    // entries of the split file's list
  std::string sample_type;       // empty without dataset.yaml
  std::string uuid;              // empty without index.uuid
  std::vector<PartTotal> parts;  // empty without index.sqlite
  bool has_tables = false, has_shapes = false;

  std::uint64_t samples() const;
  std::uint64_t bytes() const;
};

// Throws a data error when the folder is not indexed or its metadata is malformed.
DatasetOverview dataset_overview(const std::filesystem::path& root);

std::string overview_text(const DatasetOverview& overview);
std::string overview_json(const DatasetOverview& overview);

}  // namespace dfm::data
