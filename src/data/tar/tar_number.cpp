#include "data/tar/tar_number.h"

#include <algorithm>
#include <limits>

namespace dfm::data {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr auto kPositiveMark = std::byte{0x80};
constexpr auto kNegativeMark = std::byte{0xFF};

std::string_view without_blanks(std::string_view text) {
  static constexpr std::string_view kBlanks = " \t\n\v\f\r\x1c\x1d\x1e\x1f";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// Digits with single underscores between them.
std::optional<std::int64_t> parse_digits(std::string_view text, int base) {
  if (text.empty()) return std::nullopt;
  std::int64_t value = 0;
  bool after_digit = false;
  for (const char c : text) {
    if (c == '_' && after_digit) {
      after_digit = false;
      continue;
    }
    const int digit = c - '0';
    if (digit < 0 || digit >= base) return std::nullopt;
    if (__builtin_mul_overflow(value, base, &value) || __builtin_add_overflow(value, digit, &value))
      value = kMost;
    after_digit = true;
  }
  return after_digit ? std::optional(value) : std::nullopt;
}

std::optional<std::int64_t> parse_signed(std::string_view text, int base) {
  const bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  if (base == 8 && (text.starts_with("0o") || text.starts_with("0O"))) {
    text.remove_prefix(2);
    if (text.starts_with('_')) text.remove_prefix(1);
  }
  const auto value = parse_digits(text, base);
  return is_negative && value ? std::optional(-*value) : value;
}

std::int64_t parse_base256(std::span<const std::byte> digits) {
  std::int64_t value = 0;
  for (const std::byte digit : digits) {
    if (value > (kMost >> 8)) return kMost;
    value = (value << 8) | static_cast<std::int64_t>(digit);
  }
  return value;
}

// What nearly all fields hold: octal digits, filled up with zeros in front, then NUL or a blank. Empty for
// anything else, and for what does not fit.
std::optional<std::int64_t> parse_usual_number(std::span<const std::byte> field) {
  static constexpr std::size_t kMostDigits = 20;
  std::int64_t value = 0;
  for (std::size_t i = 0; i < std::min(field.size(), kMostDigits); ++i) {
    const auto digit = static_cast<unsigned>(field[i]) - '0';
    if (digit < 8) {
      value = value << 3 | static_cast<std::int64_t>(digit);
    } else if (i > 0 && field[i] == std::byte{0}) {
      return value;
    } else {
      break;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::int64_t> parse_tar_number(std::span<const std::byte> field) {
  if (field.empty()) return std::nullopt;
  if (const auto usual = parse_usual_number(field)) return usual;
  if (field.front() == kPositiveMark) return parse_base256(field.subspan(1));
  if (field.front() == kNegativeMark) return -1;
  std::string_view text(reinterpret_cast<const char*>(field.data()), field.size());
  text = without_blanks(text.substr(0, text.find('\0')));
  return text.empty() ? 0 : parse_signed(text, 8);
}

std::optional<std::int64_t> parse_decimal(std::string_view text) {
  return parse_signed(without_blanks(text), 10);
}

}  // namespace dfm::data
