// The pictures of tests/golden/media, by their formulas there.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "media/image.h"
#include "media/image_reader.h"
#include "unit/media/support.h"

namespace dfm::media {

inline Image decode_golden(const std::string& name) { return decode_image(bytes_of(golden(name)), name); }

// Fills a picture with color(x, y), an array of three bytes.
template <class Color>
Image paint(int width, int height, const Color& color) {
  Image image = make_image(width, height);
  auto out = image.rgb.begin();
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) out = std::ranges::copy(color(x, y), out).out;
  }
  return image;
}

using Color = std::array<std::uint8_t, 3>;

inline Color rgb(int red, int green, int blue) {
  return {static_cast<std::uint8_t>(red), static_cast<std::uint8_t>(green), static_cast<std::uint8_t>(blue)};
}

inline Color pixel(const Image& image, int x, int y) {
  const std::uint8_t* const first = &image.rgb[3 * (static_cast<std::size_t>(y) * image.width + x)];
  return rgb(first[0], first[1], first[2]);
}

inline Image pattern() {
  return paint(6, 4, [](int x, int y) { return rgb(50 * x, 80 * y, 10 * (x + y)); });
}

inline Image photo() {
  return paint(33, 21, [](int x, int y) { return rgb(7 * x, 12 * y, std::max(0, 255 - 4 * (x + y))); });
}

inline Image random_image(int width, int height, unsigned seed) {
  Image image = make_image(width, height);
  std::ranges::copy(random_text(image.rgb.size(), seed), image.rgb.begin());
  return image;
}

inline int largest_difference(const Image& a, const Image& b) {
  if (a.width != b.width || a.height != b.height) return 256;
  int largest = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) largest = std::max(largest, std::abs(a.rgb[i] - b.rgb[i]));
  return largest;
}

inline double mean_difference(const Image& a, const Image& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) sum += std::abs(a.rgb[i] - b.rgb[i]);
  return sum / static_cast<double>(a.rgb.size());
}

}  // namespace dfm::media
