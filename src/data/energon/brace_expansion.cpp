#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/core.h>

#include "core/error.h"
#include "data/energon/brace_expression.h"

namespace dfm::data {
namespace {

using Names = std::vector<std::string>;
using Integer = __int128;

constexpr std::size_t kMostNames = 1'000'000;
constexpr std::size_t kMostBytes = std::size_t{1} << 28U;
constexpr int kDeepest = 50;
constexpr std::size_t kMostDigits = 36;  // fits in Integer

Error too_many(std::string_view expression) {
  return data_error(
      fmt::format("brace expression '{}' gives more names than any data set has", expression.substr(0, 80)));
}

bool is_integer(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.size() <= kMostDigits &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

Integer to_integer(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  Integer value = 0;
  for (const char digit : text.substr(is_negative ? 1 : 0)) value = value * 10 + (digit - '0');
  return is_negative ? -value : value;
}

struct Range {
  std::string_view first, last;
  Integer step = 1;
};

// FIRST..LAST or FIRST..LAST..STEP; the step's sign does not count, and 0 means 1.
std::optional<Range> parse_range(std::string_view text) {
  const auto dots = text.find("..");
  if (dots == std::string_view::npos) return std::nullopt;
  const std::string_view behind = text.substr(dots + 2);
  const auto more_dots = behind.find("..");
  Range range{text.substr(0, dots), behind.substr(0, more_dots), 1};
  if (more_dots == std::string_view::npos) return range;
  const std::string_view step = behind.substr(more_dots + 2);
  if (!is_integer(step)) return std::nullopt;
  range.step = std::max<Integer>(1, to_integer(step.substr(step.starts_with('-') ? 1 : 0)));
  return range;
}

bool is_padded(std::string_view number) {
  return (number.starts_with('0') && number != "0") || (number.starts_with("-0") && number != "-0");
}

std::optional<Names> expand_integers(const Range& range) {
  if (!is_integer(range.first) || !is_integer(range.last)) return std::nullopt;
  const std::size_t width =
      is_padded(range.first) || is_padded(range.last) ? std::max(range.first.size(), range.last.size()) : 0;
  const Integer first = to_integer(range.first), last = to_integer(range.last);
  const Integer distance = first < last ? last - first : first - last;
  if (distance / range.step >= static_cast<Integer>(kMostNames)) {
    throw too_many(fmt::format("{{{}..{}}}", range.first, range.last));
  }
  Names names;
  for (Integer i = 0; i <= distance / range.step; ++i) {
    names.push_back(
        fmt::format("{:0{}}", first < last ? first + i * range.step : first - i * range.step, width));
  }
  return names;
}

constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

std::optional<Names> expand_letters(const Range& range) {
  if (range.first.size() != 1 || range.last.size() != 1) return std::nullopt;
  const auto first = kLetters.find(range.first[0]), last = kLetters.find(range.last[0]);
  if (first == std::string_view::npos || last == std::string_view::npos) return std::nullopt;
  const auto distance = static_cast<Integer>(first < last ? last - first : first - last);
  Names names;
  for (Integer i = 0; i <= distance; i += range.step) {
    const auto at = static_cast<Integer>(first) + (first < last ? i : -i);
    names.emplace_back(1, kLetters[static_cast<std::size_t>(at)]);
  }
  return names;
}

void remove_escapes(std::string& name) {
  std::size_t to = 0;
  for (std::size_t from = 0; from < name.size(); ++from) {
    if (name[from] == '\\' && from + 1 < name.size() && name[from + 1] != '\n') ++from;
    name[to++] = name[from];
  }
  name.resize(to);
}

class Expander {
 public:
  explicit Expander(std::string_view whole) : whole_(whole) {}

  // Literals and groups in braces, one behind the other: every combination.
  Names pattern(std::string_view text, int depth) {
    if (depth > kDeepest)
      throw data_error(fmt::format("brace expression '{}' is nested too deeply", whole_.substr(0, 80)));
    Names names{""};
    std::size_t start = 0;
    int open = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (text[at] == '\\') {
        ++at;
      } else if (text[at] == '{') {
        if (open++ == 0) {
          append(names, {std::string(text.substr(start, at - start))});
          start = at;
        }
      } else if (text[at] == '}' && --open == 0) {
        append(names, group(text.substr(start + 1, at - start - 1), depth));
        start = at + 1;
      }
    }
    if (open != 0) throw data_error(fmt::format("brace expression '{}' has unbalanced braces", whole_));
    append(names, {std::string(text.substr(std::min(start, text.size())))});
    std::ranges::for_each(names, remove_escapes);  // braceexpand does so at each level of nesting
    return names;
  }

 private:
  Names group(std::string_view inside, int depth) {
    if (const auto range = parse_range(inside)) {
      if (auto names = expand_integers(*range)) return *std::move(names);
      if (auto names = expand_letters(*range)) return *std::move(names);
    }
    const auto items = split_at_commas(inside);
    Names names;
    for (const std::string_view item : items) {
      Names more = pattern(item, depth + 1);
      count(more);
      names.insert(names.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    }
    if (items.size() > 1) return names;
    // Neither range nor list: the braces are literal.
    for (std::string& name : names) name.insert(0, 1, '{').push_back('}');
    return names;
  }

  static std::vector<std::string_view> split_at_commas(std::string_view text) {
    std::vector<std::string_view> items;
    std::size_t start = 0;
    int open = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (text[at] == '\\') {
        ++at;
      } else if (text[at] == '{') {
        ++open;
      } else if (text[at] == '}') {
        --open;
      } else if (text[at] == ',' && open == 0) {
        items.push_back(text.substr(start, at - start));
        start = at + 1;
      }
    }
    items.push_back(text.substr(start));
    return items;
  }

  void append(Names& names, const Names& endings) {
    if (endings.size() > kMostNames / names.size()) throw too_many(whole_);
    Names longer;
    longer.reserve(names.size() * endings.size());
    for (const std::string& name : names) {
      for (const std::string& ending : endings) longer.push_back(name + ending);
    }
    names = std::move(longer);
    count(names);
  }

  // Bounds the work of the whole expression, whose parts may multiply in depth.
  void count(const Names& names) {
    for (const std::string& name : names) bytes_ += name.size() + sizeof(std::string);
    if (bytes_ > kMostBytes) throw too_many(whole_);
  }

  std::string_view whole_;
  std::size_t bytes_ = 0;
};

}  // namespace

std::vector<std::string> expand_braces(std::string_view expression) {
  return Expander(expression).pattern(expression, 0);
}

}  // namespace dfm::data
