// A picture in memory, as every part of the media layer hands it on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dfm::media {

// The most pixels a picture may have (16384 x 16384): a few bytes of a file can announce any size.
inline constexpr std::int64_t kMostPixels = std::int64_t{1} << 28U;

// 8-bit RGB, row-major, no padding: rgb[3 * (y * width + x) + channel].
struct Image {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb;

  bool operator==(const Image&) const = default;
};

// Throws a data error for a size that is not positive or above kMostPixels.
void check_size(int width, int height);

// Black.
Image make_image(int width, int height);

// Part of a picture; the rectangle must lie inside.
Image crop(const Image& image, int left, int top, int width, int height);

// Copies `part` into `image` with its upper left corner at (left, top), where it must fit.
void paste(Image& image, const Image& part, int left, int top);

}  // namespace dfm::media
