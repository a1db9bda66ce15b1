#include "data/energon/python_regex.h"

#include <cctype>

#include <fmt/core.h>

#include "core/error.h"

namespace dfm::data {
namespace {

// The length of {m}, {m,}, {,n} or {m,n} at the beginning of the text; 0 where there is none.
std::size_t repetition_length(std::string_view text) {
  std::size_t digits = 0, commas = 0, i = 1;
  for (; i < text.size() && text[i] != '}'; ++i) {
    if (text[i] == ',') {
      ++commas;
    } else if (std::isdigit(static_cast<unsigned char>(text[i])) != 0) {
      ++digits;
    } else {
      return 0;
    }
  }
  return i < text.size() && commas <= 1 && digits > 0 ? i + 1 : 0;
}

std::string as_ecmascript(std::string_view pattern) {
  std::string text;
  bool is_in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      const char next = pattern[++i];
      text += next == 'A' ? "^" : next == 'Z' ? "$" : std::string{c, next};
    } else if (c == '{' && !is_in_class) {
      const std::size_t length = repetition_length(pattern.substr(i));
      std::string repetition(pattern.substr(i, length));
      if (repetition.starts_with("{,")) repetition.insert(1, "0");
      text += length == 0 ? "\\{" : repetition;
      i += length == 0 ? 0 : length - 1;
    } else if (c == '}' && !is_in_class) {
      text += "\\}";
    } else {
      if (c == '[') is_in_class = true;
      if (c == ']') is_in_class = false;
      text += c;
    }
  }
  return text;
}

}  // namespace

std::regex python_regex(std::string_view pattern, std::string_view what) {
  try {
    return std::regex(as_ecmascript(pattern));
  } catch (const std::regex_error& error) {
    throw usage_error(fmt::format("{} = '{}' is no regular expression: {}", what, pattern, error.what()),
                      "a regular expression is no shell pattern: write .* for any text and \\. for a dot");
  }
}

}  // namespace dfm::data
