#include "media/caption_table.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json.h"
#include "core/text.h"
#include "media/csv.h"

namespace dfm::media {
namespace {

using RowVisitor = std::function<void(const CaptionRow&)>;

constexpr const char* kNameColumn = "file_name";
constexpr const char* kTextColumn = "text";

std::size_t find_column(const std::vector<std::string>& header, const std::string& name,
                        const CsvReader& csv) {
  const auto found = std::ranges::find(header, name);
  if (found != header.end()) return static_cast<std::size_t>(found - header.begin());
  throw data_error(fmt::format("{}: there is no column '{}'", csv.position(), name),
                   "the first line names the columns; file_name and text are needed");
}

void read_csv(std::string_view text, const std::string& what, const RowVisitor& visit) {
  CsvReader csv(text, what);
  const auto header = csv.next().value_or(std::vector<std::string>{});
  const std::size_t name_column = find_column(header, kNameColumn, csv);
  const std::size_t text_column = find_column(header, kTextColumn, csv);
  while (auto row = csv.next()) {
    if (row->size() != header.size()) {
      throw data_error(
          fmt::format("{}: {} fields, but the header has {}", csv.position(), row->size(), header.size()),
          "put a caption with commas between double quotes");
    }
    visit({std::move((*row)[name_column]), std::move((*row)[text_column]), csv.position()});
  }
}

std::string string_under(const Json& object, const char* key, const std::string& position) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (found != object.end() && found->is_string()) return found->get<std::string>();
  throw data_error(fmt::format("{}: no string under \"{}\"", position, key),
                   "each line is an object with the strings file_name and text");
}

void read_json_lines(std::string_view text, const std::string& what, const RowVisitor& visit) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    const std::string position = fmt::format("{}:{}", what, number);
    const Json object = parse_json(line, position);
    visit(
        {string_under(object, kNameColumn, position), string_under(object, kTextColumn, position), position});
  }
}

}  // namespace

void read_caption_table(std::string_view text, const std::string& what, const RowVisitor& visit) {
  if (!is_utf8(text)) throw data_error(fmt::format("{} is not UTF-8", what), "save it with that encoding");
  if (what.ends_with(".csv")) {
    read_csv(without_bom(text), what, visit);
  } else {
    read_json_lines(without_bom(text), what, visit);
  }
}

}  // namespace dfm::media
