#include "core/python_json.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json_builder.h"

namespace dfm {
namespace {

using namespace std::literals;

constexpr std::array kNoNumbers{"-Infinity"sv, "Infinity"sv, "NaN"sv};

// Past the quotation mark that ends the string which begins there.
std::size_t end_of_string(std::string_view text, std::size_t begin) {
  std::size_t i = begin + 1;
  while (i < text.size() && text[i] != '"') i += text[i] == '\\' ? 2 : 1;
  return std::min(i + 1, text.size());
}

std::string with_null_for_no_numbers(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size();) {
    const auto word = std::ranges::find_if(
        kNoNumbers, [rest = text.substr(i)](std::string_view each) { return rest.starts_with(each); });
    const std::size_t length = text[i] == '"' ? end_of_string(text, i) - i : 1;
    plain += word == kNoNumbers.end() ? text.substr(i, length) : "null"sv;
    i += word == kNoNumbers.end() ? length : word->size();
  }
  return plain;
}

bool may_have_no_numbers(std::string_view text) {
  return text.find("NaN") != std::string_view::npos || text.find("Infinity") != std::string_view::npos;
}

}  // namespace

Json parse_python_json(std::string_view text, std::string_view what) {
  try {
    JsonBuilder builder(RepeatedKeys::last_counts);
    if (may_have_no_numbers(text)) {
      Json::sax_parse(with_null_for_no_numbers(text), &builder);
    } else {
      Json::sax_parse(text, &builder);
    }
    return builder.take();
  } catch (const Error& error) {
    throw data_error(fmt::format("{} {}", what, error.what()));
  }
}

}  // namespace dfm
