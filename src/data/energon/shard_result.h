// What indexing one shard gives: the index file beside it, and what the whole data set needs to know. To read
// a shard and to write down what was found are two steps, so that one can go on beside the other.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/file.h"
#include "data/energon/sample_shapes.h"
#include "data/energon/shard_discovery.h"
#include "data/energon/shard_record.h"
#include "data/energon/shard_scan.h"
#include "data/energon/shard_summary.h"
#include "data/media_rows/media_rows.h"

namespace dfm::data {

// Reads the shapes of a sample's two tensors from the headers of its parts (data/tensor/tensor_parts.h);
// throws a data error where it cannot.
using ShapeReader =
    std::function<TensorShapes(const File& shard, const SamplePart& latent, const SamplePart& text)>;

struct ShardResult {
  ShardSummary summary;
  std::vector<std::uint64_t> offsets;  // as the index file holds them
  std::string samples;                 // as a record keeps them
  std::vector<SampleShape> rows;       // one a sample
  std::string media;                   // rows, as a record keeps them
};

// Scans a shard. One that is damaged or cannot be read comes back with a skip_reason. Without a ShapeReader
// no shapes are read. Without a filter no media are looked for.
ShardResult read_shard(const std::filesystem::path& root, const std::string& name,
                       const ShapeReader& read_shapes, const std::optional<MediaFilter>& media = {});

struct RecordedShard {
  ShardSummary summary;
  bool was_read = false;
};

// A shard, and what is still to be written about it.
struct FoundShard {
  RecordedShard known;
  std::optional<ShardRecord> record;   // none where it is there already, and of a shard that is skipped
  std::vector<std::uint64_t> offsets;  // of the index that belongs to the record
};

// The same with a record: where one is there for the shard as it is now, and its index fits, the shard is not
// read.
FoundShard find_changed_shard(const std::filesystem::path& root, const std::string& name,
                              const ShapeReader& read_shapes, bool rescan,
                              const std::optional<MediaFilter>& media = {});
// Writes its index file, durably, and its record, if there is one to be written.
void write_down(const std::filesystem::path& root, const FoundShard& shard);
// How a record names the filter; empty without one.
std::string media_stamp(const std::optional<MediaFilter>& media);

// All 0 for a sample without the two tensor parts, and where they cannot be read.
SampleShape shape_of_sample(const File& shard, const ShardSample& sample, const ShapeReader& read_shapes);

}  // namespace dfm::data
