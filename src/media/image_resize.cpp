#include "media/image_resize.h"

#include <algorithm>

#include <fmt/core.h>

#include "core/error.h"
#include "media/resample_table.h"

namespace dfm::media {
namespace {

std::uint8_t to_byte(std::int32_t sum) {
  static constexpr std::int32_t kHalf = 1 << (kWeightBits - 1);
  return static_cast<std::uint8_t>(std::clamp((sum + kHalf) >> kWeightBits, 0, 255));
}

// One row of `table.taps.size()` pixels from one row of the source.
void resample_row(const ResampleTable& table, const std::uint8_t* source, std::uint8_t* out) {
  for (const auto& taps : table.taps) {
    const std::int32_t* const weights = table.weights.data() + taps.first_weight;
    const std::uint8_t* pixel = source + std::ptrdiff_t{3} * taps.first_pixel;
    std::int32_t red = 0, green = 0, blue = 0;
    for (int i = 0; i < taps.count; ++i, pixel += 3) {
      red += weights[i] * pixel[0];
      green += weights[i] * pixel[1];
      blue += weights[i] * pixel[2];
    }
    *out++ = to_byte(red);
    *out++ = to_byte(green);
    *out++ = to_byte(blue);
  }
}

// All rows from first_row on, each resampled along its length.
Image resample_rows(const Image& image, const ResampleTable& table, int first_row, int row_count) {
  Image out = make_image(static_cast<int>(table.taps.size()), row_count);
  const std::size_t source_bytes = 3 * static_cast<std::size_t>(image.width);
  const std::size_t out_bytes = 3 * static_cast<std::size_t>(out.width);
  for (std::size_t row = 0; row < static_cast<std::size_t>(row_count); ++row) {
    resample_row(table, image.rgb.data() + (first_row + row) * source_bytes,
                 out.rgb.data() + row * out_bytes);
  }
  return out;
}

// `image` holds the source rows from first_row on.
Image resample_columns(const Image& image, const ResampleTable& table, int first_row) {
  Image out = make_image(image.width, static_cast<int>(table.taps.size()));
  const std::size_t row_bytes = 3 * static_cast<std::size_t>(image.width);
  std::vector<std::int32_t> sums(row_bytes);
  auto out_row = out.rgb.begin();
  for (const auto& taps : table.taps) {
    std::ranges::fill(sums, 0);
    const std::uint8_t* source =
        image.rgb.data() + static_cast<std::size_t>(taps.first_pixel - first_row) * row_bytes;
    for (int i = 0; i < taps.count; ++i, source += row_bytes) {
      const std::int32_t weight = table.weights[taps.first_weight + static_cast<std::size_t>(i)];
      for (std::size_t k = 0; k < row_bytes; ++k) sums[k] += weight * source[k];
    }
    out_row = std::ranges::transform(sums, out_row, to_byte).out;
  }
  return out;
}

}  // namespace

ResizeMode parse_resize_mode(std::string_view name) {
  if (name == "bilinear") return ResizeMode::bilinear;
  if (name == "bicubic") return ResizeMode::bicubic;
  if (name == "nearest") return ResizeMode::nearest;
  if (name == "area") return ResizeMode::area;
  if (name == "lanczos") return ResizeMode::lanczos;
  throw usage_error(fmt::format("there is no interpolation '{}'", name),
                    "choose bilinear, bicubic, nearest, area or lanczos");
}

Image resize_and_crop(const Image& image, int width, int height, ResizeMode mode) {
  check_size(width, height);
  // The side that limits the part of the picture also sets the step, which is the same along both.
  const bool full_width = std::int64_t{image.width} * height <= std::int64_t{image.height} * width;
  const std::int64_t numerator = full_width ? image.width : image.height;
  const std::int64_t denominator = full_width ? width : height;
  const auto across = make_resample_table({image.width, width, numerator, denominator}, mode);
  const auto down = make_resample_table({image.height, height, numerator, denominator}, mode);
  const int first_row = down.taps.front().first_pixel;
  const int end_row = down.taps.back().first_pixel + down.taps.back().count;
  return resample_columns(resample_rows(image, across, first_row, end_row - first_row), down, first_row);
}

Image stretch(const Image& image, int width, int height, ResizeMode mode) {
  check_size(width, height);
  const auto across = make_resample_table({image.width, width, image.width, width}, mode);
  const auto down = make_resample_table({image.height, height, image.height, height}, mode);
  return resample_columns(resample_rows(image, across, 0, image.height), down, 0);
}

Image resize_inside(const Image& image, int width, int height, ResizeMode mode) {
  const bool full_width = std::int64_t{image.width} * height >= std::int64_t{image.height} * width;
  const std::int64_t numerator = full_width ? width : height;
  const std::int64_t denominator = full_width ? image.width : image.height;
  const auto scaled = [&](int side) {
    return static_cast<int>(std::max<std::int64_t>(1, side * numerator / denominator));
  };
  return stretch(image, scaled(image.width), scaled(image.height), mode);
}

Image crop_to_multiple(const Image& image, int multiple) {
  ensure(multiple > 0, "crop_to_multiple: the multiple is not positive");
  const int width = image.width / multiple * multiple;
  const int height = image.height / multiple * multiple;
  if (width == 0 || height == 0) {
    throw data_error(fmt::format("a picture of {} x {} pixels is too small to cut to multiples of {}",
                                 image.width, image.height, multiple));
  }
  return crop(image, (image.width - width) / 2, (image.height - height) / 2, width, height);
}

}  // namespace dfm::media
