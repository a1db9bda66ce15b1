#include "core/units.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <fmt/chrono.h>
#include <fmt/core.h>

#include "core/error.h"
#include "core/text.h"

namespace dfm {
namespace {

struct Unit {
  std::string_view name;
  double bytes;
};

constexpr std::array kByteUnits{
    Unit{"", 1},      Unit{"B", 1},        Unit{"KB", 1e3},     Unit{"MB", 1e6},     Unit{"GB", 1e9},
    Unit{"TB", 1e12}, Unit{"KiB", 0x1p10}, Unit{"MiB", 0x1p20}, Unit{"GiB", 0x1p30}, Unit{"TiB", 0x1p40}};

}  // namespace

std::uint64_t parse_bytes(std::string_view text, std::string_view what) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  const std::string_view unit = trimmed({rest, static_cast<std::size_t>(end - rest)});
  const auto found = std::ranges::find(kByteUnits, unit, &Unit::name);
  static constexpr double kMost = 0x1p60;
  if (error == std::errc{} && found != kByteUnits.end() && value > 0 && value * found->bytes < kMost)
    return static_cast<std::uint64_t>(value * found->bytes);
  throw usage_error(fmt::format("{} = '{}' is no amount of memory", what, printable(text)),
                    "write it like 256MiB, 5GB or 4096");
}

std::string format_bytes(std::uint64_t bytes) {
  static constexpr std::array kUnits{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1023.95 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kUnits.at(unit));
}

std::string format_seconds(double seconds) {
  static constexpr double kLongest = 1e15;
  if (!(seconds >= 0 && seconds < kLongest)) return "?";
  if (seconds < 59.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::int64_t>(std::round(seconds));
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole / 60 % 60);
}

std::string format_count(std::int64_t count) {
  std::string digits = std::to_string(count);
  const std::size_t first = count < 0 ? 1 : 0;
  for (std::size_t from_end = 3; digits.size() > first + from_end; from_end += 4) {
    digits.insert(digits.size() - from_end, 1, ',');
  }
  return digits;
}

std::string format_count(std::int64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", format_count(count), noun, count == 1 ? "" : "s");
}

std::string format_utc(std::time_t moment) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(moment));
}

}  // namespace dfm
