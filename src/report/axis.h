// The axis of a chart: its range, linear or logarithmic, and the ticks on it.
#pragma once

#include <string>
#include <vector>

namespace dfm::report {

struct Tick {
  double value = 0;
  std::string label;
};

struct Axis {
  enum class Scale { linear, logarithmic };

  Scale scale = Scale::linear;
  double low = 0, high = 1;
  std::vector<Tick> ticks;  // within [low, high], ascending

  // 0 at low, 1 at high: (v - low) / (high - low), of the logarithms on a logarithmic axis.
  double position(double value) const;
};

// What the data span: low <= high, both within +-1e100.
struct Range {
  double low = 0, high = 0;
};

// Begins and ends where the data do, with about tick_count ticks at whole numbers.
Axis step_axis(Range steps, int tick_count);

// Ends and ticks at multiples of 1, 2 or 5 times a power of ten.
Axis linear_axis(Range data, int tick_count);

// Ends and ticks at 1, 2 or 5 times a power of ten; at powers of ten alone where the data span more than two.
// Data above 0.
Axis logarithmic_axis(Range data);

// Logarithmic where all data are above 0 and span a factor of 10 or more, else linear.
Axis fitting_axis(Range data, int tick_count);

}  // namespace dfm::report
