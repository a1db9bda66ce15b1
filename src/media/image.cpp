#include "media/image.h"

#include <algorithm>

#include <fmt/core.h>

#include "core/error.h"

namespace dfm::media {
namespace {

std::size_t offset_of(const Image& image, int left, int top) {
  return 3 * (static_cast<std::size_t>(top) * static_cast<std::size_t>(image.width) +
              static_cast<std::size_t>(left));
}

bool contains(const Image& image, int left, int top, int width, int height) {
  return left >= 0 && top >= 0 && width <= image.width - left && height <= image.height - top;
}

}  // namespace

void check_size(int width, int height) {
  if (width > 0 && height > 0 && std::int64_t{width} * height <= kMostPixels) return;
  throw data_error(fmt::format("a picture cannot have {} x {} pixels", width, height),
                   fmt::format("at least 1 x 1 and at most {} pixels are possible", kMostPixels));
}

Image make_image(int width, int height) {
  check_size(width, height);
  const auto pixels = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  return {width, height, std::vector<std::uint8_t>(3 * pixels)};
}

Image crop(const Image& image, int left, int top, int width, int height) {
  ensure(contains(image, left, top, width, height), "crop: the rectangle leaves the picture");
  Image part = make_image(width, height);
  for (int y = 0; y < height; ++y) {
    std::copy_n(&image.rgb[offset_of(image, left, top + y)], 3 * width, &part.rgb[offset_of(part, 0, y)]);
  }
  return part;
}

void paste(Image& image, const Image& part, int left, int top) {
  ensure(contains(image, left, top, part.width, part.height), "paste: the part leaves the picture");
  for (int y = 0; y < part.height; ++y) {
    std::copy_n(&part.rgb[offset_of(part, 0, y)], 3 * part.width,
                &image.rgb[offset_of(image, left, top + y)]);
  }
}

}  // namespace dfm::media
