// Images and videos with captions, as a grid of cards.
#pragma once

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

namespace dfm::report {

// A PNG image that becomes part of the page.
struct PngBytes {
  std::vector<std::byte> bytes;
};

// A file beside the page, by its path relative to the page's folder. Images (.png, .jpg, .jpeg, .gif, .webp)
// and videos (.mp4, .webm) are shown, others linked.
struct FileBesidePage {
  std::string path;
};

struct Picture {
  std::string caption;
  std::variant<PngBytes, FileBesidePage> source;
};

// Empty text for no pictures. Throws a data error when the bytes are not a PNG image.
std::string pictures_html(const std::vector<Picture>& pictures);

}  // namespace dfm::report
