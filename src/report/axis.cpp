#include "report/axis.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "report/number_text.h"

namespace dfm::report {
namespace {

constexpr double kRoundingSlack = 1e-9;

// A range with an extent, also where the data are constant.
Range widened(Range data) {
  const double magnitude = std::max(std::abs(data.low), std::abs(data.high));
  if (magnitude == 0) return {0, 1};
  if (data.high - data.low > magnitude * kRoundingSlack) return data;
  return {data.low - 0.1 * magnitude, data.high + 0.1 * magnitude};
}

// The smallest of 1, 2, 5 times a power of ten that is no smaller than extent / tick_count.
double round_step(double extent, int tick_count) {
  const double wanted = extent / tick_count;
  const double power = std::pow(10, std::floor(std::log10(wanted)));
  for (const double factor : {1, 2, 5}) {
    if (factor * power >= wanted * (1 - kRoundingSlack)) return factor * power;
  }
  return 10 * power;
}

std::vector<Tick> linear_ticks(Range range, double step) {
  const double magnitude = std::max(std::abs(range.low), std::abs(range.high));
  const auto first = std::llround(std::ceil(range.low / step - kRoundingSlack));
  const auto last = std::llround(std::floor(range.high / step + kRoundingSlack));
  std::vector<Tick> ticks;
  for (auto i = first; i <= last; ++i) {
    const double value = static_cast<double>(i) * step;
    ticks.push_back({value, tick_label(value, step, magnitude)});
  }
  return ticks;
}

std::vector<double> logarithmic_stops(Range data) {
  static constexpr double kMostDecadesWithParts = 2, kMostDecadeTicks = 8;
  const double decades = std::log10(data.high) - std::log10(data.low);
  const int first = static_cast<int>(std::floor(std::log10(data.low)));
  const int last = static_cast<int>(std::floor(std::log10(data.high))) + 1;
  if (decades > kMostDecadesWithParts) {
    const int stride = static_cast<int>(std::ceil(decades / kMostDecadeTicks));
    std::vector<double> stops;
    for (int exponent = first; exponent < last + stride; exponent += stride)
      stops.push_back(std::pow(10, exponent));
    return stops;
  }
  std::vector<double> stops;
  for (int exponent = first; exponent <= last; ++exponent) {
    for (const double factor : {1, 2, 5}) stops.push_back(factor * std::pow(10, exponent));
  }
  return stops;
}

}  // namespace

double Axis::position(double value) const {
  if (scale == Scale::linear) return (value - low) / (high - low);
  return (std::log(value) - std::log(low)) / (std::log(high) - std::log(low));
}

Axis step_axis(Range steps, int tick_count) {
  const Range range = widened(steps);
  const double step = std::max(1.0, round_step(range.high - range.low, tick_count));
  return {Axis::Scale::linear, range.low, range.high, linear_ticks(range, step)};
}

Axis linear_axis(Range data, int tick_count) {
  const Range range = widened(data);
  const double step = round_step(range.high - range.low, tick_count);
  const Range rounded{step * std::floor(range.low / step + kRoundingSlack),
                      step * std::ceil(range.high / step - kRoundingSlack)};
  return {Axis::Scale::linear, rounded.low, rounded.high, linear_ticks(rounded, step)};
}

Axis logarithmic_axis(Range data) {
  const Range range = widened(data);
  const std::vector<double> stops = logarithmic_stops(range);
  const auto above = std::upper_bound(stops.begin(), stops.end(), range.low * (1 + kRoundingSlack));
  const auto last = std::lower_bound(stops.begin(), stops.end(), range.high * (1 - kRoundingSlack));
  Axis axis{Axis::Scale::logarithmic, *std::prev(above), *last, {}};
  for (auto stop = std::prev(above); stop != std::next(last); ++stop)
    axis.ticks.push_back({*stop, short_number(*stop)});
  return axis;
}

Axis fitting_axis(Range data, int tick_count) {
  static constexpr double kSmallestForLogarithm = 1e-100;
  const bool spreads = data.low >= kSmallestForLogarithm && data.high / data.low >= 10;
  return spreads ? logarithmic_axis(data) : linear_axis(data, tick_count);
}

}  // namespace dfm::report
