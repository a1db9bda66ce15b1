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

struct Signature {
  MediaKind kind;
  std::size_t offset;
  std::string_view bytes;
  std::size_t second_offset = 0;
  std::string_view second = {};
};

// Of the formats' specifications. Pictures come first: some are of the family of MP4.
constexpr std::array kSignatures{
    Signature{MediaKind::image, 0, "\x89PNG\r\n\x1a\n"},
    Signature{MediaKind::image, 0, "\xff\xd8\xff"},
    Signature{MediaKind::image, 0, "GIF8"},
    Signature{MediaKind::image, 0, "BM"},
    Signature{MediaKind::image, 0, "RIFF", 8, "WEBP"},
    Signature{MediaKind::image, 0, {"II*\0", 4}},
    Signature{MediaKind::image, 0, {"MM\0*", 4}},
    Signature{MediaKind::image, 0, {"\0\0\1\0", 4}},
    Signature{MediaKind::image, 0, {"\0\0\0\x0c", 4}, 16, "ftypjp2 "},
    Signature{MediaKind::image, 4, "ftyphei"},
    Signature{MediaKind::image, 4, "ftypavi"},
    Signature{MediaKind::image, 4, "ftypmif1"},
    Signature{MediaKind::sound_or_video, 4, "ftyp"},
    Signature{MediaKind::sound_or_video, 0, "\x1a\x45\xdf\xa3"},
    Signature{MediaKind::sound_or_video, 0, "RIFF", 8, "AVI "},
    Signature{MediaKind::sound_or_video, 0, "RIFF", 8, "WAVE"},
    Signature{MediaKind::sound_or_video, 0, "FORM", 8, "AIFF"},
    Signature{MediaKind::sound_or_video, 0, "OggS"},
    Signature{MediaKind::sound_or_video, 0, "fLaC"},
    Signature{MediaKind::sound_or_video, 0, "#!AMR\n"},
    Signature{MediaKind::sound_or_video, 0, "ID3"},
    Signature{MediaKind::sound_or_video, 0, "\xff\xfb"},
    Signature{MediaKind::sound_or_video, 0, "\xff\xf3"},
    Signature{MediaKind::sound_or_video, 0, "\xff\xf2"},
    Signature{MediaKind::sound_or_video, 0, "\xff\xf1"},
    Signature{MediaKind::sound_or_video, 0, "\xff\xf9"},
    Signature{MediaKind::sound_or_video, 0, "FLV\x01"},
    Signature{MediaKind::sound_or_video, 0, {"\0\0\1\xb3", 4}},
    Signature{MediaKind::sound_or_video, 0, {"\0\0\1\xba", 4}},
    Signature{MediaKind::sound_or_video, 0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9"},
};

std::optional<MediaKind> kind_by_bytes(std::string_view begin) {
  const auto has = [&](std::size_t offset, std::string_view bytes) {
    return begin.size() >= offset + bytes.size() && begin.substr(offset, bytes.size()) == bytes;
  };
  const auto* const found = std::ranges::find_if(kSignatures, [&](const Signature& signature) {
    return has(signature.offset, signature.bytes) && has(signature.second_offset, signature.second);
  });
  return found == kSignatures.end() ? std::nullopt : std::optional(found->kind);
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
