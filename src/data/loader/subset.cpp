#include "data/loader/subset.h"

#include <charconv>

#include <fmt/core.h>

#include "core/error.h"

namespace dfm::data {
namespace {

Error refusal(std::string_view begin, std::string_view end) {
  return data_error(fmt::format("[{}, {}] is no range of samples", begin, end),
                    "give two numbers of samples, as [100, 200] or [100, end], or two shares, as [25%, 75%]");
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || rest != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> share(std::string_view text) {
  if (!text.ends_with('%')) return std::nullopt;
  const auto percent = number<double>(text.substr(0, text.size() - 1));
  return percent && *percent >= 0 && *percent <= 100 ? std::optional(*percent / 100) : std::nullopt;
}

}  // namespace

Subset parse_subset(std::string_view begin, std::string_view end) {
  if (const auto from = share(begin), to = share(end); from && to && *from <= *to)
    return {{}, {}, *from, *to};
  const auto first = number<std::int64_t>(begin), last = number<std::int64_t>(end);
  if (!first || *first < 0 || (end != "end" && (!last || *last < *first))) throw refusal(begin, end);
  return {first, last, 0, 1};
}

Subset within(const Subset& inner, const Subset& outer) {
  const double length = inner.to - inner.from;
  Subset both = inner;
  both.from = inner.from + outer.from * length;
  both.to = inner.from + outer.to * length;
  return both;
}

std::pair<std::int64_t, std::int64_t> range_of(const Subset& subset, std::int64_t count) {
  const std::int64_t first = subset.first.value_or(0), last = subset.last.value_or(count);
  if (first > last || last > count) {
    throw data_error(fmt::format("the samples [{}, {}) do not lie in a data set of {}", first, last, count),
                     "correct the subset");
  }
  const auto length = static_cast<double>(last - first);
  return {first + static_cast<std::int64_t>(length * subset.from),
          first + static_cast<std::int64_t>(length * subset.to)};
}

}  // namespace dfm::data
