#include "media/csv.h"

#include <algorithm>

#include <fmt/core.h>

#include "core/error.h"

namespace dfm::media {

std::string CsvReader::position() const { return fmt::format("{}:{}", what_, row_line_); }

bool CsvReader::take_line_end() {
  const std::size_t length = rest_.starts_with("\r\n") ? 2 : rest_.starts_with('\n') ? 1 : 0;
  rest_.remove_prefix(length);
  line_ += length > 0 ? 1 : 0;
  return length > 0;
}

std::string CsvReader::take_quoted_field() {
  std::string field;
  for (rest_.remove_prefix(1);; rest_.remove_prefix(2)) {
    const std::size_t quote = rest_.find('"');
    if (quote == std::string_view::npos) {
      throw data_error(fmt::format("{}: a quoted field has no end", position()),
                       "close it with \"; write \"\" for a quote");
    }
    field += rest_.substr(0, quote);
    rest_.remove_prefix(quote);
    if (!rest_.starts_with("\"\"")) break;
    field += '"';
  }
  rest_.remove_prefix(1);
  line_ += static_cast<std::size_t>(std::ranges::count(field, '\n'));
  if (!rest_.empty() && !rest_.starts_with(',') && !rest_.starts_with('\n') && !rest_.starts_with("\r\n")) {
    throw data_error(fmt::format("{}: text follows the end of a quoted field", position()),
                     "write \"\" for a quote");
  }
  return field;
}

std::string CsvReader::take_field() {
  if (rest_.starts_with('"')) return take_quoted_field();
  const std::size_t end = std::min(rest_.find_first_of(",\n"), rest_.size());
  const bool ends_in_crlf = rest_.substr(end).starts_with('\n') && end > 0 && rest_[end - 1] == '\r';
  const std::string field(rest_.substr(0, ends_in_crlf ? end - 1 : end));
  rest_.remove_prefix(field.size());
  return field;
}

std::optional<std::vector<std::string>> CsvReader::next() {
  while (take_line_end()) {
  }
  if (rest_.empty()) return std::nullopt;
  row_line_ = line_;
  std::vector<std::string> row = {take_field()};
  while (rest_.starts_with(',')) {
    rest_.remove_prefix(1);
    row.push_back(take_field());
  }
  take_line_end();
  return row;
}

}  // namespace dfm::media
