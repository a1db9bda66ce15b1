// The report of token lengths as text and as JSON.
#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/units.h"
#include "data/inspect/token_lengths.h"

namespace dfm::data {
namespace {

constexpr std::size_t kMostBars = 12;
constexpr std::size_t kLongestBar = 40;

struct Bar {
  std::uint64_t least = 0, most = 0, samples = 0;
};

// Each length by itself where there are few, else equal steps from the shortest to the longest.
std::vector<Bar> bars_of(const LengthReport& report) {
  const auto& counts = report.samples_by_tokens;
  std::vector<Bar> bars;
  if (counts.size() <= kMostBars) {
    for (const auto& [tokens, samples] : counts) bars.push_back({tokens, tokens, samples});
    return bars;
  }
  const std::uint64_t least = counts.begin()->first;
  const std::uint64_t step = (counts.rbegin()->first - least) / kMostBars + 1;
  for (const auto& [tokens, samples] : counts) {
    const std::uint64_t begin = least + (tokens - least) / step * step;
    if (bars.empty() || bars.back().least != begin) bars.push_back({begin, begin + step - 1, 0});
    bars.back().samples += samples;
  }
  return bars;
}

std::string line_of(const Bar& bar, std::uint64_t tallest) {
  const std::string range =
      bar.least == bar.most ? fmt::format("{}", bar.least) : fmt::format("{} to {}", bar.least, bar.most);
  const auto length = std::max<std::size_t>(
      1, static_cast<std::size_t>(static_cast<double>(kLongestBar) * static_cast<double>(bar.samples) /
                                  static_cast<double>(tallest)));
  return fmt::format("  {:>20} {:>12}  {}\n", range, format_count(static_cast<std::int64_t>(bar.samples)),
                     std::string(length, '#'));
}

std::string missing_text(const LengthReport& report) {
  std::string text;
  if (report.unknown > 0)
    text += fmt::format("{} samples have tensors that cannot be read, or none\n", report.unknown);
  if (report.not_whole > 0)
    text += fmt::format("{} samples are no whole number of patches\n", report.not_whole);
  return text;
}

double mean_of(const LengthReport& report) {
  return static_cast<double>(report.tokens()) /
         static_cast<double>(std::max<std::uint64_t>(report.samples(), 1));
}

}  // namespace

std::string lengths_text(const LengthReport& report) {
  std::string text =
      fmt::format("{} samples with {} tokens\n", format_count(static_cast<std::int64_t>(report.samples())),
                  format_count(static_cast<std::int64_t>(report.tokens())));
  if (report.samples() == 0) return text + missing_text(report);
  text += fmt::format("tokens of a sample: {} to {}, mean {:.1f}, median {}, 90 % up to {}, 99 % up to {}\n",
                      report.samples_by_tokens.begin()->first, report.samples_by_tokens.rbegin()->first,
                      mean_of(report), report.quantile(0.5), report.quantile(0.9), report.quantile(0.99));
  const auto bars = bars_of(report);
  const std::uint64_t tallest = std::ranges::max(bars, {}, &Bar::samples).samples;
  for (const Bar& bar : bars) text += line_of(bar, tallest);
  return text + missing_text(report);
}

std::string lengths_json(const LengthReport& report) {
  Json counts = Json::array();
  for (const auto& [tokens, samples] : report.samples_by_tokens)
    counts.push_back({{"tokens", tokens}, {"samples", samples}});
  return Json{{"samples", report.samples()}, {"tokens", report.tokens()},
              {"mean", mean_of(report)},     {"median", report.quantile(0.5)},
              {"p90", report.quantile(0.9)}, {"p99", report.quantile(0.99)},
              {"unknown", report.unknown},   {"not_whole", report.not_whole},
              {"samples_by_tokens", counts}}
             .dump(2) +
         "\n";
}

}  // namespace dfm::data
