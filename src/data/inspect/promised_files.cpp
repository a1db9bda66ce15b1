#include "data/inspect/promised_files.h"

#include <algorithm>
#include <system_error>

#include <fmt/core.h>

#include "data/energon/sample_table_reader.h"
#include "data/energon/sample_tables.h"
#include "data/energon/shapes_file.h"
#include "data/energon/shard_record.h"

namespace dfm::data {
namespace {

namespace fs = std::filesystem;

// Records are as large as their shards have samples: the first that says it is enough.
template <class Says>
bool a_record(const fs::path& root, const DatasetInfo& info, const Says& says) {
  return std::ranges::any_of(info.shards, [&](const ShardCount& shard) {
    const auto record = read_any_record(root, shard.name);
    return record && says(*record);
  });
}

std::string is_missing(const char* file, const char* promise) {
  return fmt::format("{} is missing, but {}: index the folder again", file, promise);
}

}  // namespace

std::vector<std::string> missing_files(const fs::path& root, const DatasetInfo& info) {
  std::vector<std::string> missing;
  std::error_code ignored;
  if (!SampleTableReader::exists(root)) {
    if (fs::exists(root / kUuidFile, ignored))
      missing.push_back(is_missing(kSqliteFile, "index.uuid names it"));
    else if (a_record(root, info, [](const ShardRecord&) { return true; }))
      missing.push_back(is_missing(kSqliteFile, "dfm_rows has what it was made of"));
  }
  const auto has_tensors = [](const ShardRecord& record) { return record.summary.samples_with_tensors > 0; };
  if (!ShapesFile::exists(root) && a_record(root, info, has_tensors))
    missing.push_back(is_missing(kShapesFile, "dfm_rows has shapes of samples"));
  return missing;
}

}  // namespace dfm::data
