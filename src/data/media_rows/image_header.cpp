#include "data/media_rows/image_header.h"

#include <string_view>
#include <utility>

#include "data/media_rows/image_formats.h"

namespace dfm::data {
namespace {

std::string png_mode(std::uint32_t depth, std::uint32_t colour) {
  switch (colour) {
    case 0:
      return depth == 1 ? "1" : depth == 16 ? "I;16" : "L";
    case 2:
      return "RGB";
    case 3:
      return "P";
    case 4:
      return "LA";
    case 6:
      return "RGBA";
    default:
      return "";
  }
}

}  // namespace

ImageHeader read_png(HeaderBytes& bytes) {
  return {bytes.big32(16, 4), bytes.big32(20, 4), "PNG", png_mode(bytes.big32(24, 1), bytes.big32(25, 1))};
}

namespace {

bool begins_frame(std::uint32_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

}  // namespace

// From segment to segment up to the one that describes the frame.
ImageHeader read_jpeg(HeaderBytes& bytes) {
  std::size_t offset = 2;
  while (bytes.is_good()) {
    if (bytes.big32(offset, 1) != 0xFF) return {};
    const std::uint32_t marker = bytes.big32(offset + 1, 1);
    if (marker == 0xFF) {  // a fill byte
      ++offset;
    } else if (begins_frame(marker)) {
      const std::uint32_t parts = bytes.big32(offset + 9, 1);
      return {bytes.big32(offset + 7, 2), bytes.big32(offset + 5, 2), "JPEG",
              parts == 1   ? "L"
              : parts == 3 ? "RGB"
              : parts == 4 ? "CMYK"
                           : ""};
    } else {
      offset += 2 + bytes.big32(offset + 2, 2);
    }
  }
  return {};
}

namespace {

// Whether each colour of a palette is the grey of its own number, so that it needs none.
bool is_grey_ramp(HeaderBytes& bytes, std::size_t offset, std::size_t colours) {
  for (std::size_t i = 0; i < colours; ++i) {
    for (std::size_t channel = 0; channel < 3; ++channel) {
      if (bytes.big32(offset + 3 * i + channel, 1) != i) return false;
    }
  }
  return true;
}

std::size_t colours_of(std::uint32_t flags) { return std::size_t{2} << (flags & 7U); }

}  // namespace

ImageHeader read_gif(HeaderBytes& bytes) {
  ImageHeader header{bytes.little32(6, 2), bytes.little32(8, 2), "GIF", "L"};
  const std::uint32_t flags = bytes.little32(10, 1);
  std::size_t offset = 13;
  const bool has_palette = (flags & 0x80U) != 0;
  if (has_palette && !is_grey_ramp(bytes, offset, colours_of(flags))) header.mode = "P";
  if (has_palette) offset += 3 * colours_of(flags);
  while (bytes.is_good() && bytes.big32(offset, 1) == 0x21) {  // extensions before the first picture
    offset += 2;
    while (bytes.is_good() && bytes.big32(offset, 1) != 0) offset += 1 + bytes.big32(offset, 1);
    ++offset;
  }
  const std::uint32_t own_flags = bytes.big32(offset + 9, 1);
  if ((own_flags & 0x80U) != 0)
    header.mode = is_grey_ramp(bytes, offset + 10, colours_of(own_flags)) ? "L" : "P";
  return header;
}

ImageHeader read_webp(HeaderBytes& bytes) {
  if (bytes.has(12, "VP8X")) {
    const bool has_alpha = (bytes.little32(20, 1) & 0x10U) != 0;
    return {bytes.little32(24, 3) + 1, bytes.little32(27, 3) + 1, "WEBP", has_alpha ? "RGBA" : "RGB"};
  }
  if (bytes.has(12, "VP8L")) {
    const std::uint32_t bits = bytes.little32(21, 4);
    return {(bits & 0x3FFFU) + 1, (bits >> 14U & 0x3FFFU) + 1, "WEBP",
            (bits >> 28U & 1U) != 0 ? "RGBA" : "RGB"};
  }
  if (bytes.has(12, "VP8 "))
    return {bytes.little32(26, 2) & 0x3FFFU, bytes.little32(28, 2) & 0x3FFFU, "WEBP", "RGB"};
  return {};
}

namespace {

using Reader = ImageHeader (*)(HeaderBytes&);

bool begins_tiff(const HeaderBytes& bytes) {
  return bytes.has(0, {"II*\0", 4}) || bytes.has(0, {"MM\0*", 4}) || bytes.has(0, {"II+\0", 4}) ||
         bytes.has(0, {"MM\0+", 4});
}

// Null for other formats.
Reader reader_of(const HeaderBytes& bytes) {
  if (bytes.has(0, "\x89PNG\r\n\x1a\n")) return read_png;
  if (bytes.has(0, "\xff\xd8")) return read_jpeg;
  if (bytes.has(0, "GIF8")) return read_gif;
  if (bytes.has(0, "BM")) return read_bmp;
  if (bytes.has(0, "RIFF") && bytes.has(8, "WEBP")) return read_webp;
  if (begins_tiff(bytes)) return read_tiff;
  if (bytes.has(0, {"\0\0\1\0", 4})) return read_icon;
  if (bytes.has(0, {"\0\0\0\x0cjP  \r\n\x87\n", 12}) || bytes.has(0, "\xff\x4f\xff\x51"))
    return read_jpeg2000;
  return nullptr;
}

}  // namespace

bool begins_known_image(std::span<const std::byte> bytes) { return reader_of(HeaderBytes(bytes)) != nullptr; }

std::optional<ImageHeader> read_image_header(std::span<const std::byte> span) {
  HeaderBytes bytes(span);
  const Reader read = reader_of(bytes);
  if (read == nullptr) return std::nullopt;
  ImageHeader header = read(bytes);
  const bool is_whole = bytes.is_good() && header.width > 0 && header.height > 0 && !header.mode.empty();
  return is_whole ? std::optional(std::move(header)) : std::nullopt;
}

}  // namespace dfm::data
