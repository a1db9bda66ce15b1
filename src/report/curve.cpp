#include "report/curve.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace dfm::report {

Curve drawable(const Curve& curve) {
  static constexpr double kLargest = 1e100;
  Curve kept;
  std::copy_if(curve.begin(), curve.end(), std::back_inserter(kept),
               [](const Point& p) { return std::abs(p.x) <= kLargest && std::abs(p.y) <= kLargest; });
  return kept;
}

Curve thinned(const Curve& curve, std::size_t most_points) {
  if (curve.size() <= most_points) return curve;
  const auto lower = [](const Point& a, const Point& b) { return a.y < b.y; };
  const std::size_t bucket_count = most_points / 2;
  Curve kept;
  for (std::size_t bucket = 0; bucket < bucket_count; ++bucket) {
    const auto first = curve.begin() + static_cast<std::ptrdiff_t>(bucket * curve.size() / bucket_count);
    const auto last = curve.begin() + static_cast<std::ptrdiff_t>((bucket + 1) * curve.size() / bucket_count);
    const auto [lowest, highest] = std::minmax_element(first, last, lower);
    kept.push_back(*std::min(lowest, highest));
    if (lowest != highest) kept.push_back(*std::max(lowest, highest));
  }
  return kept;
}

std::vector<std::size_t> spread_indices(std::size_t count, std::size_t most_points) {
  std::vector<std::size_t> indices(std::min(count, most_points));
  for (std::size_t i = 0; i < indices.size(); ++i) {
    indices[i] = count <= most_points ? i : i * (count - 1) / (most_points - 1);
  }
  return indices;
}

double mean_around(const Curve& curve, std::size_t index, std::size_t window) {
  const std::size_t first = index - std::min(window / 2, index);
  const std::size_t last = std::min(index + window / 2, curve.size() - 1);
  double sum = 0;
  for (std::size_t i = first; i <= last; ++i) sum += curve[i].y;
  return sum / static_cast<double>(last - first + 1);
}

Curve moving_mean(const Curve& curve, std::size_t window, std::size_t most_points) {
  Curve means;
  for (const std::size_t i : spread_indices(curve.size(), most_points)) {
    means.push_back({curve[i].x, mean_around(curve, i, window)});
  }
  return means;
}

}  // namespace dfm::report
