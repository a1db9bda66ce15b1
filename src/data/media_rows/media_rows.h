// The rows of index.sqlite's table media_metadata: size, format and mode of the pictures in a shard, times
// and sizes of its sound and videos.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/file.h"
#include "data/energon/shard_scan.h"
#include "data/media_rows/media_filter.h"

namespace dfm::data {

struct MediaRow {
  std::string entry;  // key, dot, extension
  std::string type;   // "image", "av"
  std::string json;   // compact

  bool operator==(const MediaRow&) const = default;
};

struct MediaOfShard {
  std::vector<MediaRow> rows;
  std::uint64_t unread = 0;  // media parts of kinds that are not read, or that are damaged
  std::string first_unread;  // with the reason
};

// Adds what the parts of a sample are. Reads the beginning of each part that the filter considers; more only
// where a picture's header is longer, and all of sound and videos.
void add_media(const File& shard, const ShardSample& sample, const MediaFilter& filter, MediaOfShard& media);

// Rows as a record of a shard keeps them.
std::string to_text(const std::vector<MediaRow>& rows);
std::vector<MediaRow> media_rows_from_text(std::string_view text);

}  // namespace dfm::data
