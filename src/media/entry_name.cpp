#include "media/entry_name.h"

#include <algorithm>
#include <array>

#include "core/text.h"

namespace dfm::media {

std::optional<std::string> clean_name(std::string_view name) {
  if (name.starts_with('/') || !is_utf8(name)) return std::nullopt;
  std::string clean;
  while (!name.empty()) {
    const std::size_t slash = std::min(name.find('/'), name.size());
    const std::string_view part = name.substr(0, slash);
    name.remove_prefix(std::min(slash + 1, name.size()));
    if (part == "..") return std::nullopt;
    if (part.empty() || part == ".") continue;
    if (!clean.empty()) clean += '/';
    clean += part;
  }
  return clean.empty() ? std::nullopt : std::optional(clean);
}

std::string_view folder_of(std::string_view name) { return name.substr(0, name.rfind('/') + 1); }

std::string_view last_part_of(std::string_view name) { return name.substr(folder_of(name).size()); }

std::string_view stem_of(std::string_view name) {
  const std::size_t dot = last_part_of(name).rfind('.');
  if (dot == std::string_view::npos || dot == 0) return name;
  return name.substr(0, folder_of(name).size() + dot);
}

std::string extension_of(std::string_view name) {
  std::string extension(name.substr(std::min(stem_of(name).size() + 1, name.size())));
  std::ranges::transform(extension, extension.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return extension;
}

bool is_hidden(std::string_view name) {
  return name.starts_with('.') || name.find("/.") != std::string_view::npos;
}

bool is_image_name(std::string_view name) {
  static constexpr std::array<std::string_view, 8> kExtensions = {"png", "jpg", "jpeg", "webp",
                                                                  "bmp", "tif", "tiff", "gif"};
  return std::ranges::find(kExtensions, extension_of(name)) != kExtensions.end();
}

bool is_video_name(std::string_view name) {
  const std::string extension = extension_of(name);
  return extension == "mp4" || extension == "mov" || extension == "webm";
}

}  // namespace dfm::media
