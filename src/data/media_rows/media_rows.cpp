#include "data/media_rows/media_rows.h"

#include <algorithm>

#include <fmt/core.h>

#include "core/error.h"
#include "core/text.h"
#include "data/media_rows/av_metadata.h"
#include "data/media_rows/image_header.h"

namespace dfm::data {
namespace {

constexpr std::uint64_t kUsualHeaderBytes = 64U << 10U;
constexpr std::uint64_t kLongestHeaderBytes = 64U << 20U;

std::vector<std::byte> begin_of(const File& shard, const SamplePart& part, std::uint64_t most) {
  std::vector<std::byte> bytes(std::min(part.content_size, most));
  shard.read_exactly(bytes, part.content_offset);
  return bytes;
}

std::optional<ImageHeader> header_of(const File& shard, const SamplePart& part,
                                     std::span<const std::byte> begin) {
  auto header = read_image_header(begin);
  if (!header && part.content_size > begin.size() && begins_known_image(begin))
    header = read_image_header(begin_of(shard, part, kLongestHeaderBytes));
  return header;
}

MediaRow picture_row(const File& shard, const std::string& entry, const SamplePart& part,
                     std::span<const std::byte> begin) {
  const auto header = header_of(shard, part, begin);
  if (!header) throw data_error("its header is of no picture that can be read");
  return {entry, "image",
          fmt::format(R"({{"width":{},"height":{},"format":"{}","mode":"{}"}})", header->width,
                      header->height, header->format, header->mode)};
}

void add_part(const File& shard, const std::string& entry, const SamplePart& part, const MediaFilter& filter,
              MediaOfShard& media) {
  const auto begin = begin_of(shard, part, kUsualHeaderBytes);
  const auto kind = filter.kind_of(entry, begin);
  if (!kind) return;
  try {
    media.rows.push_back(*kind == MediaKind::image ? picture_row(shard, entry, part, begin)
                                                   : MediaRow{entry, "av", av_metadata(shard, part)});
  } catch (const Error& error) {
    if (error.kind() != ExitCode::data) throw;
    if (media.unread++ == 0) media.first_unread = fmt::format("{} ({})", printable(entry), error.what());
  }
}

// Fields end in NUL, which no name of a tar member holds.
std::string take_field(std::string_view& text) {
  const auto end = text.find('\0');
  if (end == std::string_view::npos) throw data_error("rows of media are damaged");
  std::string field(text.substr(0, end));
  text.remove_prefix(end + 1);
  return field;
}

}  // namespace

void add_media(const File& shard, const ShardSample& sample, const MediaFilter& filter, MediaOfShard& media) {
  for (const SamplePart& part : sample.parts) {
    const std::string entry = sample.key + "." + part.extension;
    if (!part.is_sparse && filter.considers(entry)) add_part(shard, entry, part, filter, media);
  }
}

std::string to_text(const std::vector<MediaRow>& rows) {
  std::string text;
  for (const MediaRow& row : rows) {
    for (const std::string* const field : {&row.entry, &row.type, &row.json}) text += *field + '\0';
  }
  return text;
}

std::vector<MediaRow> media_rows_from_text(std::string_view text) {
  std::vector<MediaRow> rows;
  while (!text.empty()) {
    MediaRow& row = rows.emplace_back();
    for (std::string* const field : {&row.entry, &row.type, &row.json}) *field = take_field(text);
  }
  return rows;
}

}  // namespace dfm::data
