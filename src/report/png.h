// What the first bytes of a PNG image say about it (PNG specification, section 11.2.2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace dfm::report {

struct PngHeader {
  std::uint32_t width = 0, height = 0;  // pixels
  int channels = 0;                     // 1 gray, 2 gray + alpha, 3 RGB, 4 RGBA; a palette counts as RGB
};

// Throws a data error when the bytes do not begin as a PNG image does.
PngHeader read_png_header(std::span<const std::byte> png);

}  // namespace dfm::report
