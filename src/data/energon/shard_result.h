// What indexing one shard gives: the index file beside it, and what the whole data set needs to know.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/file.h"
#include "data/energon/sample_shapes.h"
#include "data/energon/shard_discovery.h"
#include "data/energon/shard_scan.h"

namespace dfm::data {

// Reads the shapes of a sample's two tensors from the headers of its `pth` and `pickle` parts; throws a data
// error where it cannot.
using ShapeReader =
    std::function<TensorShapes(const File& shard, const SamplePart& pth, const SamplePart& pickle)>;

// A text width and a sample that has it.
struct TextWidth {
  std::uint32_t width = 0;
  std::string sample;
};

struct ShardSummary {
  std::string skip_reason;  // why the shard cannot be indexed; empty when it is
  std::uint64_t samples = 0;
  std::uint64_t end_offset = 0;
  std::uint64_t lost_bytes = 0;
  std::vector<std::string> extensions;
  std::vector<std::string> warnings;

  std::uint64_t samples_with_tensors = 0;   // that have both parts
  std::uint64_t samples_without_shape = 0;  // whose shapes could not be read
  std::vector<std::string> unreadable;      // why, the first few
  std::vector<TextWidth> text_widths;       // the first two different ones
  std::uint64_t rows_hash = 0;
};

struct ShardResult {
  ShardSummary summary;
  std::vector<std::uint64_t> key_hashes;  // one a sample
  std::vector<SampleShape> rows;          // one a sample
};

// Scans a shard and writes its index file. A shard that is damaged or cannot be read comes back with a
// skip_reason; throws only when the index cannot be written. Without a ShapeReader no shapes are read.
ShardResult index_shard(const std::filesystem::path& root, const std::string& name,
                        const ShapeReader& read_shapes);

// A summary as it travels between ranks.
std::string to_text(const ShardSummary& summary);
ShardSummary shard_summary_from_text(const std::string& text);

// The key of a sample of an indexed shard.
std::string read_sample_key(const std::filesystem::path& shard, std::uint64_t sample);

}  // namespace dfm::data
