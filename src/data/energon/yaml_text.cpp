#include "data/energon/yaml_text.h"

#include <algorithm>
#include <limits>
#include <regex>

#include <fmt/core.h>

#include "core/text.h"

namespace dfm::data {
namespace {

constexpr int kBestWidth = 80;
constexpr int kNeverFold = std::numeric_limits<int>::max();

enum class Style { plain, single_quoted, double_quoted };

bool is_printable_ascii(char c) { return c >= ' ' && c <= '~'; }

bool is_blank_or_end(std::string_view text, std::size_t at) { return at >= text.size() || text[at] == ' '; }

// PyYAML's Emitter.analyze_scalar for a block list, as far as it matters for printable ASCII.
bool needs_quotes(std::string_view text) {
  if (text.empty() || text.front() == ' ' || text.back() == ' ') return true;
  if (text.starts_with("---") || text.starts_with("...")) return true;
  if (std::string_view("#,[]{}&*!|>'\"%@`").find(text.front()) != std::string_view::npos) return true;
  if (std::string_view("?:-").find(text.front()) != std::string_view::npos && is_blank_or_end(text, 1))
    return true;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == ':' && is_blank_or_end(text, i + 1)) return true;
    if (text[i] == '#' && text[i - 1] == ' ') return true;
  }
  return false;
}

// What PyYAML reads as something else than a string when it stands without quotes: YAML 1.1,
// "Language-Independent Types" (bool, float, int, merge, null, timestamp, value).
bool is_no_string(const std::string& text) {
  static const std::regex kOthers(
      "yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF|~|null|Null|NULL|<<|=|"
      "[-+]?[0-9][0-9_]*\\.[0-9_]*([eE][-+][0-9]+)?|\\.[0-9][0-9_]*([eE][-+][0-9]+)?|[-+]?\\.(inf|Inf|INF)|"
      "\\.(nan|NaN|NAN)|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+\\.[0-9_]*|[-+]?0b[01_]+|[-+]?0[0-7_]+|"
      "[-+]?(0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(:[0-5]?[0-9])+|"
      "[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt]|[ \\t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}"
      "(\\.[0-9]*)?([ \\t]*(Z|[-+][0-9]{1,2}(:[0-9]{2})?))?");
  static constexpr std::size_t kLongest = 64;  // of what is worth a look; also keeps the matching shallow
  return text.size() <= kLongest && std::regex_match(text, kOthers);
}

Style style_of(std::string_view text) {
  if (!std::ranges::all_of(text, is_printable_ascii)) return Style::double_quoted;
  return needs_quotes(text) || is_no_string(std::string(text)) ? Style::single_quoted : Style::plain;
}

// Where a text begins, and where its further lines do.
struct Place {
  std::size_t column = 0;
  std::size_t indent = 0;
};

// Collects the output and knows its column.
class Writer {
 public:
  Writer(const Place& place, int width) : indent_(place.indent), column_(place.column), width_(width) {}

  void put(std::string_view text) {
    out_ += text;
    column_ += text.size();
  }
  // Whether the line would pass the width with that many columns more.
  bool is_full(int more = 0) const { return static_cast<int>(column_) + more > width_; }
  void new_line() {
    out_ += '\n' + std::string(indent_, ' ');
    column_ = indent_;
  }
  std::string take() { return std::move(out_); }

 private:
  std::size_t indent_, column_;
  int width_;
  std::string out_;
};

// Plain and single-quoted texts break at a lone space once the line is full.
void write_words(std::string_view text, bool is_quoted, Writer& writer) {
  for (std::size_t i = 0; i < text.size();) {
    auto end = text.find_first_not_of(' ', i);
    end = std::min(end, text.size());
    if (end > i) {  // a run of spaces
      const bool is_inside = !is_quoted || (i != 0 && end != text.size());
      if (end == i + 1 && writer.is_full() && is_inside) {
        writer.new_line();
      } else {
        writer.put(text.substr(i, end - i));
      }
      i = end;
      continue;
    }
    end = std::min(text.find_first_of(is_quoted ? " '" : " ", i), text.size());
    writer.put(text.substr(i, end - i));
    i = end;
    for (; is_quoted && i < text.size() && text[i] == '\''; ++i) writer.put("''");
  }
}

std::string escaped(char32_t c) {
  static constexpr std::string_view kFrom{"\0\a\b\t\n\v\f\r\x1b\"\\", 11};
  static constexpr std::string_view kTo = "0abtnvfre\"\\";
  const auto place = c < 0x80 ? kFrom.find(static_cast<char>(c)) : std::string_view::npos;
  if (place != std::string_view::npos) return {'\\', kTo[place]};
  switch (c) {
    case 0x85:
      return "\\N";
    case 0xA0:
      return "\\_";
    case 0x2028:
      return "\\L";
    case 0x2029:
      return "\\P";
    default:
      break;
  }
  const auto code = static_cast<std::uint32_t>(c);
  if (code <= 0xFF) return fmt::format("\\x{:02X}", code);
  return code <= 0xFFFF ? fmt::format("\\u{:04X}", code) : fmt::format("\\U{:08X}", code);
}

// PyYAML's Emitter.write_double_quoted: a line may end before a space, around an escape, and nowhere else.
void write_escaped(std::u32string_view text, Writer& writer) {
  const auto is_literal = [](char32_t c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; };
  std::string pending;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool literal = is_literal(text[i]);
    if (!literal) {
      writer.put(pending + escaped(text[i]));
      pending.clear();
    }
    const bool may_break = i > 0 && i + 1 < text.size() && (text[i] == ' ' || pending.empty());
    if (may_break && writer.is_full(literal ? static_cast<int>(pending.size()) : -1)) {
      writer.put(pending + "\\");
      pending.clear();
      writer.new_line();
      if (text[literal ? i : i + 1] == ' ') writer.put("\\");
    }
    if (literal) pending.push_back(static_cast<char>(text[i]));
  }
  writer.put(pending);
}

std::string write(std::string_view text, const Place& place, int width) {
  Writer writer(place, width);
  switch (style_of(text)) {
    case Style::plain:
      write_words(text, false, writer);
      break;
    case Style::single_quoted:
      writer.put("'");
      write_words(text, true, writer);
      writer.put("'");
      break;
    case Style::double_quoted:
      writer.put("\"");
      write_escaped(decode_utf8(text), writer);
      writer.put("\"");
      break;
  }
  return writer.take();
}

}  // namespace

std::string yaml_list_item(std::string_view text, std::size_t indent) {
  return std::string(indent, ' ') + "- " + write(text, {indent + 2, indent + 2}, kBestWidth) + "\n";
}

std::string yaml_key(std::string_view text) { return write(text, {}, kNeverFold); }

std::string yaml_map_entry(std::string_view key, std::string_view value, std::size_t indent) {
  const std::string line = std::string(indent, ' ') + yaml_key(key) + ": ";
  return line + write(value, {line.size(), indent + 2}, kBestWidth) + "\n";
}

}  // namespace dfm::data
