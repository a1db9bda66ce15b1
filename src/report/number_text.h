// Numbers as short texts for charts and tables.
#pragma once

#include <string>

namespace dfm::report {

// Four digits: "0.25", "12.35k", "1.5M", "2e-4"; "not finite" where it is not.
std::string short_number(double value);

// A step of a curve, whose x is a double: "12,000".
std::string step_text(double step);

// A label of an axis whose ticks are `step` apart and whose largest absolute value is magnitude: all labels
// of the axis have the same number of decimals and the same unit.
std::string tick_label(double value, double step, double magnitude);

}  // namespace dfm::report
