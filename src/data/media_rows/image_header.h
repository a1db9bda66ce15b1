// What the header of a picture says, in the words of the Python library through which Energon reads it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace dfm::data {

struct ImageHeader {
  std::uint32_t width = 0, height = 0;
  std::string format;  // "JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "ICO", "JPEG2000"
  std::string mode;    // "RGB", "L", "P", "RGBA", "LA", "1", "I;16", "CMYK", ...

  bool operator==(const ImageHeader&) const = default;
};

// Empty for other formats, and where the bytes end before the header does. The picture's data is not looked
// at. image_formats.h lists the formats.
std::optional<ImageHeader> read_image_header(std::span<const std::byte> bytes);

// Whether the first bytes, 16 or more, are of one of these formats.
bool begins_known_image(std::span<const std::byte> bytes);

}  // namespace dfm::data
