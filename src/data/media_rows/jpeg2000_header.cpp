#include <algorithm>
#include <utility>

#include "data/media_rows/image_formats.h"

namespace dfm::data {
namespace {

std::string mode_of(std::uint32_t components, std::uint32_t depth) {
  switch (components) {
    case 1:
      return depth > 8 ? "I;16" : "L";
    case 2:
      return "LA";
    case 3:
      return "RGB";
    case 4:
      return "RGBA";
    default:
      return "";
  }
}

ImageHeader read_codestream(HeaderBytes& bytes) {
  return {bytes.big32(8) - bytes.big32(16), bytes.big32(12) - bytes.big32(20), "JPEG2000",
          mode_of(bytes.big32(40, 2), (bytes.big32(42, 1) & 0x7FU) + 1)};
}

// A box: where its content begins and the box ends.
struct Box {
  std::uint64_t content = 0, end = 0;
};

Box box_at(HeaderBytes& bytes, std::uint64_t offset) {
  const std::uint32_t size = bytes.big32(offset);
  if (size == 1) return {offset + 16, offset + std::max<std::uint64_t>(16, bytes.big(offset + 8, 8))};
  return {offset + 8, offset + std::max<std::uint64_t>(8, size)};
}

// What the boxes inside jp2h say, one after the other.
class HeaderBox {
 public:
  explicit HeaderBox(HeaderBytes& bytes) : bytes_(bytes) {}

  void take(std::uint64_t offset, const Box& box) {
    if (bytes_.has(offset + 4, "ihdr")) take_size(box.content);
    if (bytes_.has(offset + 4, "colr")) take_colour(box.content);
    if (bytes_.has(offset + 4, "pclr")) take_palette(box.content);
  }
  ImageHeader header() && { return std::move(header_); }

 private:
  void take_size(std::uint64_t at) {
    components_ = bytes_.big32(at + 8, 2);
    header_ = {bytes_.big32(at + 4), bytes_.big32(at), "JPEG2000",
               mode_of(components_, bytes_.big32(at + 10, 1) & 0x7FU)};
  }
  void take_colour(std::uint64_t at) {
    if (bytes_.big32(at, 1) != 1) return;
    const std::uint32_t space = bytes_.big32(at + 3);
    is_grey_ = is_grey_ || space == 0 || space == 15 || space == 17;
    if (space == 12 && components_ == 4) header_.mode = "CMYK";
  }
  void take_palette(std::uint64_t at) {
    if (is_grey_ || (header_.mode != "L" && header_.mode != "LA")) return;
    const std::uint32_t channels = bytes_.big32(at + 2, 1);
    for (std::uint32_t i = 0; i < channels; ++i) {
      if (bytes_.big32(at + 3 + i, 1) > 8) return;
    }
    header_.mode = header_.mode == "L" ? "P" : "PA";
  }

  HeaderBytes& bytes_;
  ImageHeader header_;
  std::uint32_t components_ = 0;
  bool is_grey_ = false;
};

ImageHeader read_header_box(HeaderBytes& bytes, const Box& outer) {
  HeaderBox found(bytes);
  for (std::uint64_t offset = outer.content; offset + 8 <= outer.end && bytes.is_good();) {
    const Box box = box_at(bytes, offset);
    if (box.end <= offset) return {};  // so large that it wraps around
    found.take(offset, box);
    offset = box.end;
  }
  return std::move(found).header();
}

}  // namespace

ImageHeader read_jpeg2000(HeaderBytes& bytes) {
  if (bytes.has(0, "\xff\x4f")) return read_codestream(bytes);
  for (std::uint64_t offset = 0; bytes.is_good();) {
    const Box box = box_at(bytes, offset);
    if (box.end <= offset) return {};
    if (bytes.has(offset + 4, "jp2h")) return read_header_box(bytes, box);
    offset = box.end;
  }
  return {};
}

}  // namespace dfm::data
