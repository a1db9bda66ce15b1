// What a run of dfm_index knows of one shard, kept in .nv-meta/dfm_rows/: the next run reads it instead of a
// shard that did not change, an interrupted run goes on from it, and rank 0 makes the tables of the whole
// data set from the records of all ranks, one after the other, in the memory that one takes.
//
//   RecordedSamples samples; samples.add(sample); ...
//   write_record(root, {shard_stamp(root, name), summary, samples.take(), shapes});
//   const auto record = read_record(root, shard_stamp(root, name));   // empty: none for this state
//   for_each_sample(*record, offsets, [&](const ShardSample& sample, std::uint64_t size_bytes) { ... });
//
// Layout: "DFMROWS2", u64 XXH3-64 of all that follows, u64 length of the JSON text, u64 length of the
// samples, u64 length of the rows of media, the JSON text (name, size and time of change of the shard,
// summary), the samples, the rows of media, the shapes (five u32 a sample, or none). Samples: length of the
// key, key, number of parts; for each part length of the extension, extension, offset of its content from the
// sample's, size. Numbers are LEB128.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/energon/sample_shapes.h"
#include "data/energon/shard_scan.h"
#include "data/energon/shard_summary.h"

namespace dfm::data {

inline constexpr const char* kRecordFolder = ".nv-meta/dfm_rows";

// A shard in one state: a change of its size or time makes it another.
struct ShardStamp {
  std::string name;
  std::uint64_t size_bytes = 0;
  std::int64_t changed_ns = 0;
  bool has_shapes = false;  // whether shapes were looked for
  std::string media = {};   // strategy and patterns by which media were looked for; empty: they were not

  bool operator==(const ShardStamp&) const = default;
};

// Throws a storage error when the shard cannot be looked at.
ShardStamp shard_stamp(const std::filesystem::path& root, const std::string& name);

struct ShardRecord {
  ShardStamp stamp;
  ShardSummary summary;
  std::string samples;
  std::vector<SampleShape> shapes;
  std::string media = {};  // rows, as media_rows.h writes them
};

// Samples in the form that a record keeps.
class RecordedSamples {
 public:
  void add(const ShardSample& sample);
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

std::filesystem::path record_path(const std::filesystem::path& root, const std::string& name);

void write_record(const std::filesystem::path& root, const ShardRecord& record);
// Empty when there is none, when it is damaged, or when the shard or its .tar.idx is no longer what it was.
std::optional<ShardRecord> read_record(const std::filesystem::path& root, const ShardStamp& stamp);

// The same whatever was looked for in the shard.
std::optional<ShardRecord> read_current_record(const std::filesystem::path& root, const std::string& name);
// The same whatever state of the shard it is of; empty when there is none or it is damaged.
std::optional<ShardRecord> read_any_record(const std::filesystem::path& root, const std::string& name);
// Of the samples of a shard and where they begin: ShardSummary::samples_hash.
std::uint64_t hash_of_samples(std::string_view samples, std::span<const std::uint64_t> offsets);

// Calls visit with each sample, its offset taken from the index of the shard, and its size.
void for_each_sample(const ShardRecord& record, std::span<const std::uint64_t> offsets,
                     const std::function<void(const ShardSample&, std::uint64_t size_bytes)>& visit);

// Removes the records of shards that are gone.
void remove_other_records(const std::filesystem::path& root, std::span<const std::string> names);

}  // namespace dfm::data
