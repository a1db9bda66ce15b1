#include <algorithm>
#include <optional>

#include "core/error.h"
#include "data/energon/brace_expression.h"

namespace dfm::data {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A name cut into texts and numbers, one after the other: literals[0] numbers[0] literals[1] ... literals[n].
struct Template {
  std::vector<std::string_view> literals, numbers;
};

Template cut(std::string_view name) {
  Template parts;
  for (std::size_t at = 0;;) {
    const auto digits =
        std::find_if(name.begin() + static_cast<std::ptrdiff_t>(at), name.end(), is_digit) - name.begin();
    const auto end = std::find_if_not(name.begin() + digits, name.end(), is_digit) - name.begin();
    parts.literals.push_back(name.substr(at, static_cast<std::size_t>(digits) - at));
    if (digits == end) return parts;
    parts.numbers.push_back(
        name.substr(static_cast<std::size_t>(digits), static_cast<std::size_t>(end - digits)));
    at = static_cast<std::size_t>(end);
  }
}

std::string_view without_zeros(std::string_view number) {
  return number.substr(std::min(number.find_first_not_of('0'), number.size()));
}

// Numbers of any length: whether `next` is `number` + 1 in the same width.
bool is_successor(std::string_view number, std::string_view next) {
  std::string expected(number);
  for (auto digit = expected.rbegin(); digit != expected.rend(); ++digit) {
    if (*digit != '9') {
      ++*digit;
      return expected == next;
    }
    *digit = '0';
  }
  return false;
}

// The number that alone differs between two names of one template and grows by one; empty where it is not so.
std::optional<std::size_t> growing_number(const Template& a, const Template& b) {
  if (a.literals != b.literals) return std::nullopt;
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < a.numbers.size(); ++i) {
    if (without_zeros(a.numbers[i]) == without_zeros(b.numbers[i])) continue;
    if (found) return std::nullopt;
    found = i;
  }
  return found && is_successor(a.numbers[*found], b.numbers[*found]) ? found : std::nullopt;
}

std::string range_expression(const Template& first, const Template& last, std::size_t slot) {
  std::string text;
  for (std::size_t i = 0; i < first.numbers.size(); ++i) {
    text += first.literals[i];
    text += i == slot ? "{" + std::string(first.numbers[i]) + ".." + std::string(last.numbers[i]) + "}"
                      : std::string(first.numbers[i]);
  }
  return text + std::string(first.literals.back());
}

bool expands_to(const std::string& expression, std::span<const std::string> names) {
  try {
    return std::ranges::equal(expand_braces(expression), names);
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

std::vector<std::string> collapse_braces(std::span<const std::string> names) {
  std::vector<std::string> expressions;
  for (std::size_t begin = 0; begin < names.size();) {
    const Template first = cut(names[begin]);
    Template last = first;
    std::optional<std::size_t> slot;
    std::size_t end = begin + 1;
    for (; end < names.size(); ++end) {
      Template next = cut(names[end]);
      const auto grown = growing_number(last, next);
      if (!grown || (slot && *slot != *grown)) break;
      slot = grown;
      last = std::move(next);
    }
    const auto run = names.subspan(begin, end - begin);
    const std::string expression = slot ? range_expression(first, last, *slot) : names[begin];
    if (slot && expands_to(expression, run)) {
      expressions.push_back(expression);
    } else {
      expressions.insert(expressions.end(), run.begin(), run.end());
    }
    begin = end;
  }
  return expressions;
}

}  // namespace dfm::data
