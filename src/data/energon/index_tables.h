// The files that hold something of every sample - index.sqlite and dfm_shapes.bin - made by one process from
// the records of all shards, one record at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/energon/shard_summary.h"
#include "data/media_rows/media_filter.h"

namespace dfm::data {

struct TableShard {
  std::string name;
  const ShardSummary* summary = nullptr;
};

struct TableRequest {
  std::filesystem::path root;
  std::vector<TableShard> shards;  // in the order of .info.json
  bool has_shapes = false;
  std::uint32_t text_width = 0;
  std::optional<MediaFilter> media = {};
};

enum class TablesOutcome { written, unchanged, stopped };

// Writes both, or leaves them where they were made from the same shards in the same state. Throws a data
// error when a key comes twice, naming both places, and when a shard changed since it was read.
TablesOutcome write_tables(const TableRequest& request);

}  // namespace dfm::data
