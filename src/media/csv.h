// Comma-separated values as RFC 4180 defines them: quoted fields may hold commas, line breaks and doubled
// quotes; lines end in LF or CRLF. A quote inside an unquoted field stands for itself; empty lines are
// skipped.
//
//   CsvReader csv(text, "metadata.csv");
//   while (const auto row = csv.next()) use((*row)[0]);
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dfm::media {

class CsvReader {
 public:
  // `what` names the text in errors. The text must outlive the reader.
  CsvReader(std::string_view text, std::string what) : rest_(text), what_(std::move(what)) {}

  // The fields of the next row, or nothing at the end. Throws a data error for a quote that is not closed, or
  // text between a closing quote and the next comma.
  std::optional<std::vector<std::string>> next();

  // "metadata.csv:12", where the last row began.
  std::string position() const;

 private:
  bool take_line_end();
  std::string take_field();
  std::string take_quoted_field();

  std::string_view rest_;
  std::string what_;
  std::size_t line_ = 1;
  std::size_t row_line_ = 1;
};

}  // namespace dfm::media
