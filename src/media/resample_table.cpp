#include "media/resample_table.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace dfm::media {
namespace {

double triangle(double x) { return std::max(0.0, 1.0 - std::abs(x)); }

// Keys, "Cubic convolution interpolation for digital image processing", 1981, with a = -1/2.
double cubic(double x) {
  static constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

double sinc(double x) { return x == 0 ? 1 : std::sin(x * std::numbers::pi) / (x * std::numbers::pi); }

double lanczos3(double x) { return std::abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0; }

std::int64_t floor_divide(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

// Whole-number positions along a side: a source pixel is `unit` long.
struct Geometry {
  explicit Geometry(const ResampledSide& side)
      : unit(2 * side.step_denominator),
        step(2 * side.step_numerator),
        widening(std::max(unit, step)),
        first_center((side.source_length * unit - (side.output_length - 1) * step) / 2) {}

  std::int64_t unit, step, widening, first_center;
};

// How far from its centre an output pixel looks.
std::int64_t reach(const Geometry& geometry, ResizeMode mode) {
  switch (mode) {
    case ResizeMode::nearest:
      return 0;
    case ResizeMode::area:
      return geometry.step / 2;
    case ResizeMode::bilinear:
      return geometry.widening;
    case ResizeMode::bicubic:
      return 2 * geometry.widening;
    case ResizeMode::lanczos:
      return 3 * geometry.widening;
  }
  return 0;
}

double weight(const Geometry& geometry, ResizeMode mode, std::int64_t center, std::int64_t pixel) {
  const std::int64_t begin = pixel * geometry.unit;
  const std::int64_t end = begin + geometry.unit;
  const double distance =
      static_cast<double>(begin + geometry.unit / 2 - center) / static_cast<double>(geometry.widening);
  switch (mode) {
    case ResizeMode::nearest:
      return 1;
    case ResizeMode::area:
      return static_cast<double>(std::min(end, center + geometry.step / 2) -
                                 std::max(begin, center - geometry.step / 2));
    case ResizeMode::bilinear:
      return triangle(distance);
    case ResizeMode::bicubic:
      return cubic(distance);
    case ResizeMode::lanczos:
      return lanczos3(distance);
  }
  return 0;
}

// Rounded so that the sum is exactly one: what rounding leaves over goes to the largest weight.
void append_fixed_point(const std::vector<double>& weights, std::vector<std::int32_t>& out) {
  static constexpr double kOne = 1 << kWeightBits;
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  const auto first = out.end() - out.begin();
  for (const double each : weights) out.push_back(static_cast<std::int32_t>(std::lround(each / sum * kOne)));
  const auto begin = out.begin() + first;
  const std::int32_t rest = (1 << kWeightBits) - std::accumulate(begin, out.end(), std::int32_t{0});
  *std::max_element(begin, out.end()) += rest;
}

}  // namespace

ResampleTable make_resample_table(const ResampledSide& side, ResizeMode mode) {
  const Geometry geometry(side);
  ResampleTable table;
  std::vector<double> weights;
  for (std::int64_t i = 0; i < side.output_length; ++i) {
    const std::int64_t center = geometry.first_center + i * geometry.step;
    const std::int64_t first = floor_divide(center - reach(geometry, mode), geometry.unit);
    const std::int64_t last = floor_divide(center + reach(geometry, mode) - 1, geometry.unit);
    const std::int64_t first_inside = std::clamp<std::int64_t>(first, 0, side.source_length - 1);
    const std::int64_t last_inside = std::clamp(last, first_inside, side.source_length - 1);
    weights.clear();
    for (auto pixel = first_inside; pixel <= last_inside; ++pixel) {
      weights.push_back(weight(geometry, mode, center, pixel));
    }
    table.taps.push_back(
        {static_cast<int>(first_inside), table.weights.size(), static_cast<int>(weights.size())});
    append_fixed_point(weights, table.weights);
  }
  return table;
}

}  // namespace dfm::media
