#include "media/utf8.h"

#include <algorithm>
#include <cstdint>

#include <fmt/core.h>

namespace dfm::media {
namespace {

// Length of the sequence that a first byte announces; 0 for a byte that starts none.
std::size_t sequence_length(std::uint8_t first) {
  if (first < 0x80) return 1;
  if (first < 0xC2) return 0;
  if (first < 0xE0) return 2;
  if (first < 0xF0) return 3;
  return first < 0xF5 ? 4 : 0;
}

// What keeps a second byte from making an overlong form, a surrogate or too large a number (RFC 3629, section
// 4).
bool fits_first(std::uint8_t first, std::uint8_t second) {
  if (first == 0xE0) return second >= 0xA0;
  if (first == 0xED) return second < 0xA0;
  if (first == 0xF0) return second >= 0x90;
  if (first == 0xF4) return second < 0x90;
  return true;
}

}  // namespace

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t k) { return static_cast<std::uint8_t>(text[i + k]); };
    const std::size_t length = sequence_length(byte(0));
    if (length == 0 || length > text.size() - i) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte(k) & 0xC0U) != 0x80) return false;
    }
    if (length > 1 && !fits_first(byte(0), byte(1))) return false;
    i += length;
  }
  return true;
}

std::string printable(std::string_view text) {
  const bool readable = is_utf8(text);
  std::string out;
  for (const char character : text) {
    const auto byte = static_cast<std::uint8_t>(character);
    if (byte < 0x20 || byte == 0x7F || (byte > 0x7F && !readable)) {
      out += fmt::format("\\x{:02X}", byte);
    } else {
      out += character;
    }
  }
  return out;
}

std::string_view without_bom(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return text;
}

std::string_view trimmed(std::string_view text) {
  static constexpr std::string_view kSpace = " \t\r\n\v\f";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

}  // namespace dfm::media
