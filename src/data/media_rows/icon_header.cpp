#include <bit>
#include <tuple>

#include "data/media_rows/image_formats.h"

namespace dfm::data {
namespace {

struct Icon {
  std::uint32_t pixels = 0, depth = 0, offset = 0;
};

Icon icon_at(HeaderBytes& bytes, std::uint64_t entry) {
  const auto side = [&](std::uint64_t offset) {
    const std::uint32_t stored = bytes.little32(offset, 1);
    return stored == 0 ? 256 : stored;
  };
  Icon icon{side(entry) * side(entry + 1), bytes.little32(entry + 6, 2), bytes.little32(entry + 12)};
  const std::uint32_t colours = bytes.little32(entry + 2, 1);
  if (icon.depth == 0 && colours > 1) icon.depth = static_cast<std::uint32_t>(std::bit_width(colours - 1));
  if (icon.depth == 0) icon.depth = 256;
  return icon;
}

}  // namespace

// The largest, of those the one with the fewest bits a pixel.
ImageHeader read_icon(HeaderBytes& bytes) {
  Icon best;
  const std::uint32_t count = bytes.little32(4, 2);
  for (std::uint32_t i = 0; i < count && bytes.is_good(); ++i) {
    const Icon icon = icon_at(bytes, 6 + std::uint64_t{16} * i);
    if (i == 0 || std::tuple(icon.pixels, best.depth) > std::tuple(best.pixels, icon.depth)) best = icon;
  }
  if (bytes.has(best.offset, "\x89PNG\r\n\x1a\n")) {
    HeaderBytes inner = bytes.from(best.offset);
    ImageHeader header = read_png(inner);
    if (!inner.is_good()) return {};
    header.format = "ICO";
    return header;
  }
  const BitmapSize size = read_bitmap_size(bytes, best.offset);  // with the rows of its mask
  return {size.width, size.height / 2, "ICO", "RGBA"};
}

}  // namespace dfm::data
