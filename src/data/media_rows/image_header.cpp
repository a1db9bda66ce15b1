#include "data/media_rows/image_header.h"

#include <array>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace dfm::data {
namespace {

// Reads numbers; those behind the end are 0 and make the reader bad.
class Bytes {
 public:
  explicit Bytes(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::uint32_t little(std::size_t offset, int count) {
    std::uint32_t value = 0;
    for (int i = count - 1; i >= 0; --i) value = value << 8U | at(offset + static_cast<std::size_t>(i));
    return value;
  }
  std::uint32_t big(std::size_t offset, int count) {
    std::uint32_t value = 0;
    for (int i = 0; i < count; ++i) value = value << 8U | at(offset + static_cast<std::size_t>(i));
    return value;
  }
  bool has(std::size_t offset, std::string_view text) const {
    return bytes_.size() >= offset + text.size() &&
           std::string_view(reinterpret_cast<const char*>(bytes_.data()) + offset, text.size()) == text;
  }
  bool is_good() const { return is_good_; }

 private:
  std::uint32_t at(std::size_t offset) {
    if (offset < bytes_.size()) return std::to_integer<std::uint32_t>(bytes_[offset]);
    is_good_ = false;
    return 0;
  }

  std::span<const std::byte> bytes_;
  bool is_good_ = true;
};

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

ImageHeader read_png(Bytes& bytes) {
  return {bytes.big(16, 4), bytes.big(20, 4), "PNG", png_mode(bytes.big(24, 1), bytes.big(25, 1))};
}

bool begins_frame(std::uint32_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

// From segment to segment up to the one that describes the frame.
ImageHeader read_jpeg(Bytes& bytes) {
  std::size_t offset = 2;
  while (bytes.is_good()) {
    if (bytes.big(offset, 1) != 0xFF) return {};
    const std::uint32_t marker = bytes.big(offset + 1, 1);
    if (marker == 0xFF) {  // a fill byte
      ++offset;
    } else if (begins_frame(marker)) {
      const std::uint32_t parts = bytes.big(offset + 9, 1);
      return {bytes.big(offset + 7, 2), bytes.big(offset + 5, 2), "JPEG",
              parts == 1   ? "L"
              : parts == 3 ? "RGB"
              : parts == 4 ? "CMYK"
                           : ""};
    } else {
      offset += 2 + bytes.big(offset + 2, 2);
    }
  }
  return {};
}

// Whether each colour of a palette is the grey of its own number, so that it needs none.
bool is_grey_ramp(Bytes& bytes, std::size_t offset, std::size_t colours) {
  for (std::size_t i = 0; i < colours; ++i) {
    for (std::size_t channel = 0; channel < 3; ++channel) {
      if (bytes.big(offset + 3 * i + channel, 1) != i) return false;
    }
  }
  return true;
}

std::size_t colours_of(std::uint32_t flags) { return std::size_t{2} << (flags & 7U); }

ImageHeader read_gif(Bytes& bytes) {
  ImageHeader header{bytes.little(6, 2), bytes.little(8, 2), "GIF", "L"};
  const std::uint32_t flags = bytes.little(10, 1);
  std::size_t offset = 13;
  const bool has_palette = (flags & 0x80U) != 0;
  if (has_palette && !is_grey_ramp(bytes, offset, colours_of(flags))) header.mode = "P";
  if (has_palette) offset += 3 * colours_of(flags);
  while (bytes.is_good() && bytes.big(offset, 1) == 0x21) {  // extensions before the first picture
    offset += 2;
    while (bytes.is_good() && bytes.big(offset, 1) != 0) offset += 1 + bytes.big(offset, 1);
    ++offset;
  }
  const std::uint32_t own_flags = bytes.big(offset + 9, 1);
  if ((own_flags & 0x80U) != 0)
    header.mode = is_grey_ramp(bytes, offset + 10, colours_of(own_flags)) ? "L" : "P";
  return header;
}

// A palette of black and white or of all greys needs none.
std::string bmp_mode_of_palette(Bytes& bytes, std::uint32_t depth) {
  const std::uint32_t listed = bytes.little(46, 4);
  const std::size_t colours = listed == 0 ? std::size_t{1} << depth : listed;
  const std::size_t begin = 14 + bytes.little(14, 4);
  if (colours > 256) return "";
  for (std::size_t i = 0; i < colours; ++i) {
    const auto grey = static_cast<std::uint32_t>(colours == 2 ? 255 * i : i);
    if (bytes.little(begin + 4 * i, 3) != (grey | grey << 8U | grey << 16U)) return "P";
  }
  return colours == 2 ? "1" : "L";
}

ImageHeader read_bmp(Bytes& bytes) {
  if (bytes.little(14, 4) < 40 || bytes.little(30, 4) != 0) return {};  // OS/2's, or compressed
  const std::uint32_t depth = bytes.little(28, 2);
  const auto height = static_cast<std::int32_t>(bytes.little(22, 4));
  ImageHeader header{bytes.little(18, 4), static_cast<std::uint32_t>(std::abs(std::int64_t{height})), "BMP",
                     ""};
  if (depth == 16 || depth == 24 || depth == 32) header.mode = "RGB";
  if (depth == 1 || depth == 4 || depth == 8) header.mode = bmp_mode_of_palette(bytes, depth);
  return header;
}

ImageHeader read_webp(Bytes& bytes) {
  if (bytes.has(12, "VP8X")) {
    const bool has_alpha = (bytes.little(20, 1) & 0x10U) != 0;
    return {bytes.little(24, 3) + 1, bytes.little(27, 3) + 1, "WEBP", has_alpha ? "RGBA" : "RGB"};
  }
  if (bytes.has(12, "VP8L")) {
    const std::uint32_t bits = bytes.little(21, 4);
    return {(bits & 0x3FFFU) + 1, (bits >> 14U & 0x3FFFU) + 1, "WEBP",
            (bits >> 28U & 1U) != 0 ? "RGBA" : "RGB"};
  }
  if (bytes.has(12, "VP8 "))
    return {bytes.little(26, 2) & 0x3FFFU, bytes.little(28, 2) & 0x3FFFU, "WEBP", "RGB"};
  return {};
}

using Reader = ImageHeader (*)(Bytes&);

// Null for other formats.
Reader reader_of(const Bytes& bytes) {
  if (bytes.has(0, "\x89PNG\r\n\x1a\n")) return read_png;
  if (bytes.has(0, "\xff\xd8")) return read_jpeg;
  if (bytes.has(0, "GIF8")) return read_gif;
  if (bytes.has(0, "BM")) return read_bmp;
  if (bytes.has(0, "RIFF") && bytes.has(8, "WEBP")) return read_webp;
  return nullptr;
}

}  // namespace

bool begins_known_image(std::span<const std::byte> bytes) { return reader_of(Bytes(bytes)) != nullptr; }

std::optional<ImageHeader> read_image_header(std::span<const std::byte> span) {
  Bytes bytes(span);
  const Reader read = reader_of(bytes);
  if (read == nullptr) return std::nullopt;
  ImageHeader header = read(bytes);
  const bool is_whole = bytes.is_good() && header.width > 0 && header.height > 0 && !header.mode.empty();
  return is_whole ? std::optional(std::move(header)) : std::nullopt;
}

}  // namespace dfm::data
