// .nv-meta/index.sqlite: samples and their parts by key, with the tables and indices of Energon 7.4 (its
// random access and its joins read them), and .nv-meta/index.uuid beside it.
//
//   SampleTables tables(root);
//   tables.add(sample, size_bytes, {.shard = 0, .sample = 0}); ...
//   tables.commit();
//
// Rows go in as they come and indices are sorted at the end, outside of memory where they are large: what it
// takes does not grow with the data set. Without commit() nothing stays.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "data/energon/shard_scan.h"
#include "data/energon/sqlite.h"
#include "data/media_rows/media_rows.h"

namespace dfm::data {

inline constexpr const char* kSqliteFile = ".nv-meta/index.sqlite";
inline constexpr const char* kUuidFile = ".nv-meta/index.uuid";

// The shard's place in .info.json, and the sample's in the shard.
struct SamplePlace {
  std::uint64_t shard = 0;
  std::uint64_t sample = 0;
};

struct DuplicateKey {
  std::string key;
  SamplePlace first, second;
};

class SampleTables {
 public:
  // With a filter there are the tables of media, too.
  explicit SampleTables(const std::filesystem::path& root, const std::optional<MediaFilter>& media = {});
  SampleTables(const SampleTables&) = delete;
  SampleTables& operator=(const SampleTables&) = delete;
  ~SampleTables();

  void add(const ShardSample& sample, std::uint64_t size_bytes, const SamplePlace& place);
  void add(const MediaRow& row);
  // Makes the indices. Two samples with one key are the answer where there are some; then commit() must not
  // follow.
  std::optional<DuplicateKey> index();
  // After index(): durably under the final name, with a new index.uuid.
  void commit();

 private:
  DuplicateKey find_duplicate();
  void make_media_tables(const MediaFilter& media);
  void move_key_index();
  void start_writing();

  std::filesystem::path root_;
  std::filesystem::path temporary_;
  SqliteDatabase database_;
  std::optional<SqliteStatement> insert_sample_, insert_part_, insert_media_;
};

}  // namespace dfm::data
