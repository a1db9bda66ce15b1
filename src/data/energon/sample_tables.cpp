#include "data/energon/sample_tables.h"

#include <array>
#include <random>

#include <fmt/core.h>

#include "core/error.h"
#include "core/file.h"

namespace dfm::data {
namespace {

namespace fs = std::filesystem;

// The reference's text to the letter: "the schema" is what sqlite_master says.
constexpr const char* kSamplesTable = R"(CREATE TABLE samples (
                    tar_file_id INTEGER NOT NULL,
                    sample_key TEXT NOT NULL UNIQUE,
                    sample_index INTEGER NOT NULL,
                    byte_offset INTEGER,
                    byte_size INTEGER
                ))";
constexpr const char* kPartsTable = R"(CREATE TABLE sample_parts (
                    tar_file_id INTEGER,
                    sample_index INTEGER,
                    part_name TEXT,
                    content_byte_offset INTEGER,
                    content_byte_size INTEGER
                ))";

// A UNIQUE column is kept in order with every insertion: a random place in a large tree each. The table is
// therefore made without it, the index is sorted in one go at the end, and then becomes the one that UNIQUE
// would have made.
std::string without_unique(std::string sql) {
  static constexpr std::string_view kUnique = " UNIQUE";
  return sql.erase(sql.find(kUnique), kUnique.size());
}

constexpr const char* kKeyIndex = "CREATE UNIQUE INDEX dfm_unique_keys ON samples(sample_key)";
constexpr const char* kAdoptKeyIndex =
    "UPDATE sqlite_master SET name = 'sqlite_autoindex_samples_1', sql = NULL WHERE name = 'dfm_unique_keys'";

constexpr const char* kMediaTable = R"(CREATE TABLE media_metadata (
                    entry_key TEXT PRIMARY KEY,
                    metadata_type TEXT NOT NULL,
                    metadata_json TEXT NOT NULL
                ))";
constexpr const char* kFilterTable = R"(CREATE TABLE media_filters (
                    filter_id INTEGER PRIMARY KEY AUTOINCREMENT,
                    strategy TEXT NOT NULL,
                    patterns TEXT,
                    created_at_utc TEXT DEFAULT CURRENT_TIMESTAMP,
                    UNIQUE(strategy, patterns)
                ))";

constexpr std::array<const char*, 3> kIndices{
    "CREATE INDEX idx_samples_by_tar_and_idx ON samples(tar_file_id, sample_index)",
    "CREATE INDEX idx_sample_parts_seq ON sample_parts(tar_file_id, sample_index, content_byte_offset)",
    "CREATE INDEX idx_sample_parts_full ON sample_parts(tar_file_id, sample_index, part_name, "
    "content_byte_offset, content_byte_size)"};

// Of the pages, and again of the rows that are sorted at a time. Rows come in the order of the table and
// indices are filled in order, so that a larger cache brings nothing.
constexpr int kCacheKib = 8192;

// A random one of version 4.
std::string make_uuid() {
  std::random_device device;
  std::array<unsigned, 4> words{};
  for (unsigned& word : words) word = device();
  words[1] = (words[1] & 0xFFFF0FFFU) | 0x4000U;
  words[2] = (words[2] & 0x3FFFFFFFU) | 0x80000000U;
  const std::string text = fmt::format("{:08x}{:08x}{:08x}{:08x}", words[0], words[1], words[2], words[3]);
  return fmt::format("{}-{}-{}-{}-{}", text.substr(0, 8), text.substr(8, 4), text.substr(12, 4),
                     text.substr(16, 4), text.substr(20));
}

}  // namespace

SampleTables::SampleTables(const fs::path& root, const std::optional<MediaFilter>& media)
    : root_(root),
      temporary_(temporary_name(root / kSqliteFile)),
      database_(SqliteDatabase::create(temporary_)) {
  database_.execute(
      fmt::format("PRAGMA page_size = 4096; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; "
                  "PRAGMA cache_size = -{}; PRAGMA temp_store = FILE; BEGIN",
                  kCacheKib));
  database_.execute(without_unique(kSamplesTable));
  database_.execute(kPartsTable);
  if (media) make_media_tables(*media);
  insert_sample_ = database_.prepare("INSERT INTO samples VALUES (?, ?, ?, ?, ?)");
  insert_part_ = database_.prepare("INSERT INTO sample_parts VALUES (?, ?, ?, ?, ?)");
}

SampleTables::~SampleTables() {
  std::error_code ignored;
  fs::remove(temporary_, ignored);
}

void SampleTables::add(const ShardSample& sample, std::uint64_t size_bytes, const SamplePlace& place) {
  insert_sample_->bind(1, place.shard)
      .bind(2, sample.key)
      .bind(3, place.sample)
      .bind(4, sample.offset)
      .bind(5, size_bytes)
      .run();
  insert_part_->bind(1, place.shard).bind(2, place.sample);
  for (const SamplePart& part : sample.parts) {
    insert_part_->bind(3, part.extension).bind(4, part.content_offset).bind(5, part.content_size).run();
  }
}

void SampleTables::make_media_tables(const MediaFilter& media) {
  database_.execute(kMediaTable);
  database_.execute(kFilterTable);
  const std::string strategy = media.strategy_name(), patterns = media.joined_patterns();
  auto insert = database_.prepare("INSERT INTO media_filters (strategy, patterns) VALUES (?, ?)");
  insert.bind(1, std::string_view(strategy)).bind(2, std::string_view(patterns)).run();
  insert_media_ = database_.prepare("INSERT OR REPLACE INTO media_metadata VALUES (?, ?, ?)");
}

void SampleTables::add(const MediaRow& row) {
  insert_media_->bind(1, std::string_view(row.entry))
      .bind(2, std::string_view(row.type))
      .bind(3, std::string_view(row.json))
      .run();
}

// Behind its table in the schema, where UNIQUE puts it; the tables behind that move up by one.
void SampleTables::move_key_index() {
  const std::string place = "(SELECT rowid FROM sqlite_master WHERE name = 'sqlite_autoindex_samples_1')";
  database_.execute("UPDATE sqlite_master SET rowid = -rowid - 1 WHERE rowid > 1 AND rowid < " + place);
  database_.execute("UPDATE sqlite_master SET rowid = 1000000 WHERE name = 'sqlite_autoindex_samples_1'");
  database_.execute("UPDATE sqlite_master SET rowid = -rowid WHERE rowid < 0");
  database_.execute("UPDATE sqlite_master SET rowid = 2 WHERE rowid = 1000000");
}

DuplicateKey SampleTables::find_duplicate() {
  DuplicateKey duplicate;
  auto keys =
      database_.prepare("SELECT sample_key FROM samples GROUP BY sample_key HAVING count(*) > 1 LIMIT 1");
  if (keys.next()) duplicate.key = keys.text(0);
  auto places = database_.prepare(
      "SELECT tar_file_id, sample_index FROM samples WHERE sample_key = ? ORDER BY 1, 2 LIMIT 2");
  places.bind(1, duplicate.key);
  for (SamplePlace* const place : {&duplicate.first, &duplicate.second}) {
    if (places.next()) *place = {places.number(0), places.number(1)};
  }
  return duplicate;
}

// So that commit() has less to wait for.
void SampleTables::start_writing() {
  File file = File::open_to_write(temporary_);
  file.start_writing(0, file.size());
}

std::optional<DuplicateKey> SampleTables::index() {
  insert_sample_.reset();
  insert_part_.reset();
  insert_media_.reset();
  try {
    database_.execute(kKeyIndex);
  } catch (const SqliteConflict&) {
    return find_duplicate();
  }
  for (const char* const sql : kIndices) {
    start_writing();
    database_.execute(sql);
  }
  database_.execute("PRAGMA writable_schema = ON");
  auto restore = database_.prepare("UPDATE sqlite_master SET sql = ? WHERE name = 'samples'");
  restore.bind(1, std::string_view(kSamplesTable)).run();
  database_.execute(kAdoptKeyIndex);
  move_key_index();
  return std::nullopt;
}

void SampleTables::commit() {
  database_.execute("COMMIT");
  database_.close();
  commit_durably(temporary_, root_ / kSqliteFile);
  write_durably(root_ / kUuidFile, make_uuid());
}

}  // namespace dfm::data
