// Which parts of samples are media whose metadata is recorded (spec/energon.md section 1.7): by the extension
// of their name, by their first bytes, or by shell patterns.
//
//   const MediaFilter filter{MediaStrategy::glob, {"*.jpg", "*.seg.png"}};
//   if (filter.considers("d/000012.jpg")) ...
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dfm::data {

enum class MediaStrategy { extension, header, glob };
enum class MediaKind { image, sound_or_video };

struct MediaFilter {
  MediaStrategy strategy = MediaStrategy::extension;
  std::vector<std::string> patterns = {};  // of glob; matched against the name in small letters

  // Whether a part must be looked into. name: key, dot, extension.
  bool considers(std::string_view name) const;
  // What it then is; empty when it is no media. begin: its first 16 bytes or more, where there are so many.
  std::optional<MediaKind> kind_of(std::string_view name, std::span<const std::byte> begin) const;

  // As media_filters of index.sqlite names it.
  std::string strategy_name() const;
  std::string joined_patterns() const;
};

}  // namespace dfm::data
