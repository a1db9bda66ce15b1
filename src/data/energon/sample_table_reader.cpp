#include "data/energon/sample_table_reader.h"

#include <system_error>

#include "data/energon/sample_tables.h"

namespace dfm::data {
namespace {

SampleRow sample_row(const SqliteStatement& row) {
  return {std::string(row.text(0)), row.number(1), row.number(2), row.number(3), row.number(4)};
}

std::vector<PartRow> take_parts(SqliteStatement& rows) {
  std::vector<PartRow> parts;
  while (rows.next())
    parts.push_back({rows.number(0), std::string(rows.text(1)), rows.number(2), rows.number(3)});
  return parts;
}

}  // namespace

bool SampleTableReader::exists(const std::filesystem::path& root) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(root / kSqliteFile, ignored);
}

SampleTableReader::SampleTableReader(const std::filesystem::path& root)
    : database_(SqliteDatabase::open_to_read(root / kSqliteFile)) {
  has_parts_ = number("SELECT count(*) FROM sqlite_master WHERE name = 'sample_parts'") > 0;
}

std::optional<SampleRow> SampleTableReader::find(std::string_view key) {
  auto rows = database_.prepare(
      "SELECT sample_key, tar_file_id, sample_index, byte_offset, byte_size FROM samples WHERE sample_key = "
      "?");
  rows.bind(1, key);
  return rows.next() ? std::optional(sample_row(rows)) : std::nullopt;
}

std::vector<std::string> SampleTableReader::keys_near(std::string_view key) {
  std::vector<std::string> keys;
  for (const char* const sql :
       {"SELECT sample_key FROM samples WHERE sample_key >= ? ORDER BY sample_key LIMIT 50",
        "SELECT sample_key FROM samples WHERE sample_key < ? ORDER BY sample_key DESC LIMIT 50"}) {
    auto rows = database_.prepare(sql);
    rows.bind(1, key);
    while (rows.next()) keys.emplace_back(rows.text(0));
  }
  return keys;
}

std::vector<SampleRow> SampleTableReader::samples_of(std::uint64_t shard) {
  auto rows = database_.prepare(
      "SELECT sample_key, tar_file_id, sample_index, byte_offset, byte_size FROM samples WHERE tar_file_id = "
      "? "
      "ORDER BY sample_index");
  rows.bind(1, shard);
  std::vector<SampleRow> samples;
  while (rows.next()) samples.push_back(sample_row(rows));
  return samples;
}

std::vector<PartRow> SampleTableReader::parts_of(std::uint64_t shard) {
  if (!has_parts_) return {};
  auto rows = database_.prepare(
      "SELECT sample_index, part_name, content_byte_offset, content_byte_size FROM sample_parts WHERE "
      "tar_file_id "
      "= ? ORDER BY sample_index, content_byte_offset, rowid");
  return take_parts(rows.bind(1, shard));
}

std::vector<PartRow> SampleTableReader::parts_of(std::uint64_t shard, std::uint64_t sample) {
  if (!has_parts_) return {};
  auto rows = database_.prepare(
      "SELECT sample_index, part_name, content_byte_offset, content_byte_size FROM sample_parts WHERE "
      "tar_file_id "
      "= ? AND sample_index = ? ORDER BY content_byte_offset, rowid");
  return take_parts(rows.bind(1, shard).bind(2, sample));
}

std::uint64_t SampleTableReader::sample_count() { return number("SELECT count(*) FROM samples"); }

std::uint64_t SampleTableReader::part_count() {
  return has_parts_ ? number("SELECT count(*) FROM sample_parts") : 0;
}

std::vector<PartTotal> SampleTableReader::part_totals() {
  std::vector<PartTotal> totals;
  if (!has_parts_) return totals;
  auto rows = database_.prepare(
      "SELECT part_name, count(*), sum(content_byte_size) FROM sample_parts GROUP BY part_name ORDER BY "
      "part_name");
  while (rows.next()) totals.push_back({std::string(rows.text(0)), rows.number(1), rows.number(2)});
  return totals;
}

std::vector<std::string> SampleTableReader::damage() {
  std::vector<std::string> found;
  auto rows = database_.prepare("PRAGMA integrity_check(10)");
  while (rows.next()) {
    if (rows.text(0) != "ok") found.emplace_back(rows.text(0));
  }
  return found;
}

std::uint64_t SampleTableReader::number(const char* sql) {
  auto rows = database_.prepare(sql);
  return rows.next() ? rows.number(0) : 0;
}

}  // namespace dfm::data
