// Reads .nv-meta/index.sqlite: samples by key or by shard. Also what Energon 5.3 to 7.4 wrote, of which the
// older ones have no table of parts.
//
//   SampleTableReader tables(root);
//   if (const auto place = tables.find("000012")) use(place->shard, place->offset);
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/energon/sqlite.h"

namespace dfm::data {

struct SampleRow {
  std::string key;
  std::uint64_t shard = 0;  // place in .info.json
  std::uint64_t sample = 0;
  std::uint64_t offset = 0;
  std::uint64_t size_bytes = 0;

  bool operator==(const SampleRow&) const = default;
};

struct PartRow {
  std::uint64_t sample = 0;
  std::string name;
  std::uint64_t offset = 0;
  std::uint64_t size_bytes = 0;

  bool operator==(const PartRow&) const = default;
};

struct PartTotal {
  std::string name;
  std::uint64_t count = 0;
  std::uint64_t size_bytes = 0;
};

class SampleTableReader {
 public:
  static bool exists(const std::filesystem::path& root);
  explicit SampleTableReader(const std::filesystem::path& root);

  bool has_parts() const { return has_parts_; }
  std::optional<SampleRow> find(std::string_view key);
  // The keys around a place in the order of keys, to suggest one of them.
  std::vector<std::string> keys_near(std::string_view key);

  // In the order of the shard.
  std::vector<SampleRow> samples_of(std::uint64_t shard);
  std::vector<PartRow> parts_of(std::uint64_t shard);
  std::vector<PartRow> parts_of(std::uint64_t shard, std::uint64_t sample);

  std::uint64_t sample_count();
  std::uint64_t part_count();
  std::vector<PartTotal> part_totals();
  // What SQLite's own check finds; empty when nothing.
  std::vector<std::string> damage();

 private:
  std::uint64_t number(const char* sql);

  SqliteDatabase database_;
  bool has_parts_ = false;
};

}  // namespace dfm::data
