// INI files. Not through inih, which drops what stands after the 200th character of a line, takes an indented
// `key = value` for a part of the value above it, and cannot say where a value stood.
#include <sstream>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "config/layers.h"
#include "core/error.h"
#include "core/file.h"

namespace dfm {
namespace {

constexpr std::string_view kBlank = " \t\r\f\v";
constexpr std::string_view kCommentStarts = ";#";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

bool starts_comment(std::string_view line, std::size_t at) {
  const bool is_alone = at == 0 || kBlank.find(line[at - 1]) != std::string_view::npos;
  return is_alone && kCommentStarts.find(line[at]) != std::string_view::npos;
}

// The text before a comment: one that begins the text or follows a blank, outside the quotes of a quoted
// value or list.
std::string_view without_comment(std::string_view text) {
  const bool has_quotes = text.starts_with('"') || text.starts_with('[');
  bool is_quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_quoted && text[i] == '\\') {
      ++i;
    } else if (has_quotes && text[i] == '"') {
      is_quoted = !is_quoted;
    } else if (!is_quoted && starts_comment(text, i)) {
      return trimmed(text.substr(0, i));
    }
  }
  return text;
}

// "..." is a JSON string; anything else stands for itself.
std::string unquoted(std::string_view text) {
  if (!text.starts_with('"')) return std::string(text);
  const auto string = nlohmann::json::parse(text, nullptr, false);
  return string.is_string() ? string.get<std::string>() : std::string(text);
}

class IniReader {
 public:
  explicit IniReader(std::string origin) : origin_(std::move(origin)) {}

  // False for a line that is neither [section] nor key = value.
  bool take_line(std::string_view line, int number) {
    const std::string_view text = trimmed(line);
    if (text.empty() || starts_comment(text, 0)) return true;
    return text.starts_with('[') ? take_section(text) : take_assignment(text, number);
  }

  Layer take() { return std::move(layer_); }

 private:
  bool take_section(std::string_view text) {
    const auto end = text.find(']');
    if (end == std::string_view::npos || !without_comment(trimmed(text.substr(end + 1))).empty())
      return false;
    section_ = trimmed(text.substr(1, end - 1));
    return true;
  }

  bool take_assignment(std::string_view text, int number) {
    const auto separator = text.find_first_of("=:");
    if (separator == std::string_view::npos) return false;
    const std::string_view name = trimmed(text.substr(0, separator));
    if (name.empty()) return false;
    layer_.push_back({section_.empty() ? std::string(name) : fmt::format("{}.{}", section_, name),
                      unquoted(without_comment(trimmed(text.substr(separator + 1)))),
                      fmt::format("{}:{}", origin_, number)});
    return true;
  }

  std::string origin_, section_;
  Layer layer_;
};

}  // namespace

Layer read_ini_file(const std::filesystem::path& path, const std::string& origin) {
  const std::string text = read_text(path, kLargestConfigFile);
  std::istringstream lines(text.starts_with(kByteOrderMark) ? text.substr(kByteOrderMark.size()) : text);
  IniReader reader(origin);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (reader.take_line(line, number)) continue;
    throw usage_error(fmt::format("{}:{} is neither [section] nor key = value", path.native(), number));
  }
  return reader.take();
}

}  // namespace dfm
