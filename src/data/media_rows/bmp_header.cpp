#include <array>
#include <cstdlib>

#include "data/media_rows/image_formats.h"

namespace dfm::data {
namespace {

constexpr std::uint32_t kFileHeaderBytes = 14, kCoreBytes = 12, kInfoBytes = 40;
enum Compression : std::uint32_t { kNone = 0, kRle8 = 1, kRle4 = 2, kBitFields = 3 };

struct Bitmap {
  std::uint32_t header_bytes = 0, depth = 0, compression = kNone, colours = 0, bytes_a_colour = 4;
};

Bitmap bitmap_at(HeaderBytes& bytes) {
  Bitmap bitmap{.header_bytes = bytes.little32(kFileHeaderBytes)};
  if (bitmap.header_bytes == kCoreBytes) {
    bitmap.depth = bytes.little32(24, 2);
    bitmap.bytes_a_colour = 3;
  } else {
    bitmap.depth = bytes.little32(28, 2);
    bitmap.compression = bytes.little32(30);
    bitmap.colours = bytes.little32(46);
  }
  if (bitmap.colours == 0 && bitmap.depth <= 8) bitmap.colours = 1U << bitmap.depth;
  return bitmap;
}

// A palette of black and white or of all greys needs none.
std::string mode_of_palette(HeaderBytes& bytes, const Bitmap& bitmap) {
  if (bitmap.colours > 256) return "";
  const std::uint32_t begin = kFileHeaderBytes + bitmap.header_bytes;
  for (std::uint32_t i = 0; i < bitmap.colours; ++i) {
    const std::uint32_t grey = bitmap.colours == 2 ? 255 * i : i;
    if (bytes.little32(begin + std::uint64_t{bitmap.bytes_a_colour} * i, 3) !=
        (grey | grey << 8U | grey << 16U))
      return "P";
  }
  return bitmap.colours <= 2 ? "1" : "L";
}

// Which bits of a pixel are red, green, blue and opacity; the reader in question knows these alone.
std::string mode_of_masks(HeaderBytes& bytes, const Bitmap& bitmap) {
  using Masks = std::array<std::uint32_t, 4>;
  Masks masks{};
  for (unsigned i = 0; i < 4; ++i) masks.at(i) = bytes.little32(54 + std::uint64_t{4} * i);
  if (bitmap.header_bytes < 56) masks[3] = 0;
  static constexpr std::array<Masks, 3> kOpaque{
      {{0xFF0000, 0xFF00, 0xFF, 0}, {0xFF000000, 0xFF0000, 0xFF00, 0}, {0xFF000000, 0xFF00, 0xFF, 0}}};
  static constexpr std::array<Masks, 5> kWithAlpha{{{0xFF000000, 0xFF0000, 0xFF00, 0xFF},
                                                    {0xFF, 0xFF00, 0xFF0000, 0xFF000000},
                                                    {0xFF0000, 0xFF00, 0xFF, 0xFF000000},
                                                    {0xFF000000, 0xFF00, 0xFF, 0xFF0000},
                                                    {0, 0, 0, 0}}};
  if (bitmap.depth == 32) {
    for (const Masks& known : kOpaque) {
      if (masks == known) return "RGB";
    }
    for (const Masks& known : kWithAlpha) {
      if (masks == known) return "RGBA";
    }
    return "";
  }
  masks[3] = 0;
  const bool is_known =
      (bitmap.depth == 24 && masks == Masks{0xFF0000, 0xFF00, 0xFF}) ||
      (bitmap.depth == 16 && (masks == Masks{0xF800, 0x7E0, 0x1F} || masks == Masks{0x7C00, 0x3E0, 0x1F}));
  return is_known ? "RGB" : "";
}

std::string mode_of(HeaderBytes& bytes, const Bitmap& bitmap) {
  if (bitmap.compression > kBitFields) return "";
  if (bitmap.compression == kBitFields) return mode_of_masks(bytes, bitmap);
  if (bitmap.depth == 16 || bitmap.depth == 24 || bitmap.depth == 32) return "RGB";
  if (bitmap.depth == 1 || bitmap.depth == 4 || bitmap.depth == 8) return mode_of_palette(bytes, bitmap);
  return "";
}

}  // namespace

BitmapSize read_bitmap_size(HeaderBytes& bytes, std::uint64_t offset) {
  const std::uint32_t header_bytes = bytes.little32(offset);
  if (header_bytes == kCoreBytes) return {bytes.little32(offset + 4, 2), bytes.little32(offset + 6, 2)};
  if (header_bytes < kInfoBytes) return {};
  const auto height = static_cast<std::int32_t>(bytes.little32(offset + 8));  // negative from top to bottom
  return {bytes.little32(offset + 4), static_cast<std::uint32_t>(std::abs(std::int64_t{height}))};
}

ImageHeader read_bmp(HeaderBytes& bytes) {
  const BitmapSize size = read_bitmap_size(bytes, kFileHeaderBytes);
  if (size.width == 0) return {};
  return {size.width, size.height, "BMP", mode_of(bytes, bitmap_at(bytes))};
}

}  // namespace dfm::data
