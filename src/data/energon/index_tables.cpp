#include "data/energon/index_tables.h"

#include <optional>
#include <system_error>

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/stop_token.h"
#include "core/text.h"
#include "data/energon/sample_tables.h"
#include "data/energon/shapes_file.h"
#include "data/energon/shard_record.h"
#include "data/energon/shard_result.h"
#include "data/energon/tar_index.h"

namespace dfm::data {
namespace {

namespace fs = std::filesystem;

// What the tables were made from, and the table file as it was then.
constexpr const char* kTablesState = ".nv-meta/dfm_rows/tables.json";

std::string state_of(const TableRequest& request) {
  std::string sources =
      fmt::format("{} {} {}\n", request.has_shapes, request.text_width, media_stamp(request.media));
  for (const TableShard& shard : request.shards) {
    sources += fmt::format("{} {} {:x} {:x}\n", shard.name, shard.summary->samples,
                           shard.summary->samples_hash, shard.summary->rows_hash);
  }
  struct stat file {};
  if (::stat((request.root / kSqliteFile).c_str(), &file) != 0) return "";
  return Json{{"sources", hex(hash64(sources))},
              {"sqlite_bytes", file.st_size},
              {"sqlite_changed_s", file.st_mtim.tv_sec},
              {"sqlite_changed_ns", file.st_mtim.tv_nsec}}
      .dump();
}

bool is_unchanged(const TableRequest& request) {
  std::error_code ignored;
  const fs::path state = request.root / kTablesState;
  if (!fs::exists(state, ignored) || !fs::exists(request.root / kUuidFile, ignored)) return false;
  if (fs::exists(request.root / kShapesFile, ignored) != request.has_shapes) return false;
  return read_text(state) == state_of(request);
}

ShardRecord record_of(const TableRequest& request, const std::string& name) {
  auto record = read_current_record(request.root, name);
  if (record && record->stamp.media == media_stamp(request.media)) return *std::move(record);
  throw data_error(fmt::format("shard {} changed while the data set was indexed", printable(name)),
                   "index again when nothing writes to it any more");
}

ShapesWriter shapes_writer(const TableRequest& request) {
  std::vector<ShapesOfShard> table;
  for (const TableShard& shard : request.shards) {
    table.push_back(
        {shard.name, shard.summary->samples, shard.summary->end_offset, shard.summary->rows_hash});
  }
  return {request.root, request.text_width, table};
}

void add_samples(SampleTables& tables, const ShardRecord& record, const fs::path& root, std::uint64_t shard) {
  const auto offsets = read_tar_index(root / record.stamp.name, record.stamp.size_bytes);
  std::uint64_t place = 0;
  for_each_sample(record, offsets, [&](const ShardSample& sample, std::uint64_t size_bytes) {
    tables.add(sample, size_bytes, {shard, place++});
  });
  for (const MediaRow& row : media_rows_from_text(record.media)) tables.add(row);
}

void refuse(const DuplicateKey& duplicate, const TableRequest& request) {
  throw data_error(
      fmt::format("the key {} comes twice: in {} (sample {}) and in {} (sample {})", printable(duplicate.key),
                  request.shards.at(duplicate.first.shard).name, duplicate.first.sample,
                  request.shards.at(duplicate.second.shard).name, duplicate.second.sample),
      "keys must differ in the whole data set: rename the files in the shards, or leave one out with "
      "index.exclude");
}

// Not durably: where it is lost or torn, the tables are made again.
void note_state(const TableRequest& request) {
  File file = File::create(request.root / kTablesState);
  file.append(state_of(request));
  file.close();
}

}  // namespace

TablesOutcome write_tables(const TableRequest& request) {
  if (is_unchanged(request)) return TablesOutcome::unchanged;
  remove_file(request.root / kTablesState);
  SampleTables tables(request.root, request.media);
  std::optional<ShapesWriter> shapes;
  if (request.has_shapes) shapes.emplace(shapes_writer(request));
  for (std::size_t i = 0; i < request.shards.size(); ++i) {
    if (StopToken::requested()) return TablesOutcome::stopped;
    const ShardRecord record = record_of(request, request.shards[i].name);
    add_samples(tables, record, request.root, i);
    if (shapes) shapes->append(record.shapes);
  }
  if (const auto duplicate = tables.index()) refuse(*duplicate, request);
  if (shapes) {
    shapes->commit();
  } else {
    remove_file(request.root / kShapesFile);
  }
  tables.commit();
  note_state(request);
  return TablesOutcome::written;
}

}  // namespace dfm::data
