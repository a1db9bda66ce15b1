#include "report/number_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include <fmt/core.h>

#include "core/units.h"

namespace dfm::report {
namespace {

constexpr double kFirstWithUnit = 9999.5;  // what would be 10000 with four digits
constexpr double kFirstBeyondUnits = 1e15;

struct Unit {
  double size;
  std::string_view suffix;
};

Unit unit_for(double magnitude) {
  static constexpr std::array<Unit, 4> kUnits{{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}}};
  if (magnitude < kFirstWithUnit) return {1, ""};
  return *std::find_if(kUnits.begin(), kUnits.end(),
                       [&](const Unit& unit) { return magnitude >= unit.size; });
}

// "1.5e-4".
std::string with_exponent(double value) {
  int exponent = static_cast<int>(std::floor(std::log10(std::abs(value)) + 1e-9));
  double mantissa = value / std::pow(10, exponent);
  if (std::abs(mantissa) >= 9.995) {
    mantissa /= 10;
    ++exponent;
  }
  return fmt::format("{:.3g}e{}", mantissa, exponent);
}

}  // namespace

std::string short_number(double value) {
  const double magnitude = std::abs(value);
  if (!std::isfinite(value)) return "not finite";
  if (value == 0) return "0";
  if (magnitude < 1e-3 || magnitude >= kFirstBeyondUnits) return with_exponent(value);
  const Unit unit = unit_for(magnitude);
  return fmt::format("{:.4g}{}", value / unit.size, unit.suffix);
}

std::string step_text(double step) {
  static constexpr double kLargest = 9e18;  // 2^63 is 9.22e18
  return format_count(static_cast<std::int64_t>(std::clamp(step, -kLargest, kLargest)));
}

std::string tick_label(double value, double step, double magnitude) {
  if (value == 0) return "0";
  if (magnitude < 1e-2 || magnitude >= kFirstBeyondUnits) return with_exponent(value);
  const Unit unit = unit_for(magnitude);
  const double decimals = std::max(0.0, std::ceil(-std::log10(step / unit.size) - 1e-9));
  return fmt::format("{:.{}f}{}", value / unit.size, static_cast<int>(decimals), unit.suffix);
}

}  // namespace dfm::report
