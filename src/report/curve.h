// Curves of many points made fit to draw.
#pragma once

#include <cstddef>
#include <vector>

namespace dfm::report {

struct Point {
  double x = 0, y = 0;

  bool operator==(const Point&) const = default;
};

using Curve = std::vector<Point>;

// Without the points that cannot be drawn: not finite, or beyond 1e100.
Curve drawable(const Curve& curve);

// At most most_points (at least 2) of the points: of each run of neighbours the lowest and the highest, so
// that a spike stays visible.
Curve thinned(const Curve& curve, std::size_t most_points);

// At most most_points (at least 2) of the indices 0 ... count - 1, evenly spaced, the first and the last
// among them.
std::vector<std::size_t> spread_indices(std::size_t count, std::size_t most_points);

// The mean of y over the `window` (odd) points around an index, as far as there are that many.
double mean_around(const Curve& curve, std::size_t index, std::size_t window);

// The moving mean at most_points spread indices.
Curve moving_mean(const Curve& curve, std::size_t window, std::size_t most_points);

}  // namespace dfm::report
