// What the whole data set needs to know of one shard, as it travels between ranks and is kept between runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dfm::data {

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
  std::uint64_t media_rows = 0, media_unread = 0;
  std::string first_unread_media;
  std::uint64_t samples_hash = 0;  // of keys, parts and offsets
};

std::string to_text(const ShardSummary& summary);
ShardSummary shard_summary_from_text(const std::string& text);

}  // namespace dfm::data
