#include "data/media_rows/media_filter.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>
#include <fnmatch.h>

namespace dfm::data {
namespace {

constexpr std::array<std::string_view, 12> kImages{"bmp",  "gif", "ico", "j2k", "jp2",  "jpx",
                                                   "jpeg", "jpg", "png", "tif", "tiff", "webp"};
constexpr std::array<std::string_view, 12> kSoundAndVideo{"aac", "avi", "flac", "m4a", "m4v", "mkv",
                                                          "mov", "mp3", "mp4",  "ogg", "wav", "webm"};

std::string in_small_letters(std::string_view text) {
  std::string small(text);
  std::ranges::transform(small, small.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return small;
}

std::optional<MediaKind> kind_by_extension(std::string_view name) {
  const std::string extension = in_small_letters(name.substr(name.rfind('.') + 1));
  if (std::ranges::find(kImages, extension) != kImages.end()) return MediaKind::image;
  if (std::ranges::find(kSoundAndVideo, extension) != kSoundAndVideo.end()) return MediaKind::sound_or_video;
  return std::nullopt;
}

// The signatures of the formats' specifications.
std::optional<MediaKind> kind_by_bytes(std::string_view begin) {
  const auto has = [&](std::size_t offset, std::string_view bytes) {
    return begin.size() >= offset + bytes.size() && begin.substr(offset, bytes.size()) == bytes;
  };
  const bool is_riff = has(0, "RIFF");
  if (has(0, "\x89PNG\r\n\x1a\n") || has(0, "\xff\xd8\xff") || has(0, "GIF8") || has(0, "BM") ||
      (is_riff && has(8, "WEBP")) || has(0, {"II*\0", 4}) || has(0, {"MM\0*", 4}))
    return MediaKind::image;
  if (has(4, "ftyp") || has(0, "\x1a\x45\xdf\xa3") || (is_riff && (has(8, "AVI ") || has(8, "WAVE"))) ||
      has(0, "OggS") || has(0, "fLaC") || has(0, "ID3"))
    return MediaKind::sound_or_video;
  return std::nullopt;
}

}  // namespace

bool MediaFilter::considers(std::string_view name) const {
  if (strategy == MediaStrategy::header) return true;
  if (strategy == MediaStrategy::extension) return kind_by_extension(name).has_value();
  const std::string small = in_small_letters(name);
  return std::ranges::any_of(patterns, [&](const std::string& pattern) {
    return ::fnmatch(pattern.c_str(), small.c_str(), FNM_NOESCAPE) == 0;
  });
}

std::optional<MediaKind> MediaFilter::kind_of(std::string_view name, std::span<const std::byte> begin) const {
  if (strategy != MediaStrategy::extension) {
    if (const auto kind = kind_by_bytes({reinterpret_cast<const char*>(begin.data()), begin.size()}))
      return kind;
  }
  return kind_by_extension(name);
}

std::string MediaFilter::strategy_name() const {
  switch (strategy) {
    case MediaStrategy::extension:
      return "EXTENSION";
    case MediaStrategy::header:
      return "HEADER";
    default:
      return "GLOB";
  }
}

std::string MediaFilter::joined_patterns() const { return fmt::format("{}", fmt::join(patterns, ",")); }

}  // namespace dfm::data
