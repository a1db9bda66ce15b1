// Comma-separated values: the rules of RFC 4180, section 2, and what people write besides.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "media/csv.h"
#include "unit/media/support.h"

namespace dfm::media {
namespace {

using ::testing::HasSubstr;
using Rows = std::vector<std::vector<std::string>>;

Rows rows_of(std::string_view text) {
  CsvReader csv(text, "table.csv");
  Rows rows;
  while (auto row = csv.next()) rows.push_back(std::move(*row));
  return rows;
}

struct CsvCase {
  std::string name, text;
  Rows rows;
};

class Csv : public ::testing::TestWithParam<CsvCase> {};
TEST_P(Csv, IsReadAsExpected) { EXPECT_EQ(rows_of(GetParam().text), GetParam().rows); }
INSTANTIATE_TEST_SUITE_P(
    Cases, Csv,
    ::testing::Values(CsvCase{"Nothing", "", {}}, CsvCase{"OneRow", "a,b\n", {{"a", "b"}}},
                      CsvCase{"NoLastLineEnd", "a,b\nc,d", {{"a", "b"}, {"c", "d"}}},
                      CsvCase{"CrLf", "a,b\r\nc,d\r\n", {{"a", "b"}, {"c", "d"}}},
                      CsvCase{"EmptyFields", ",\n,x\nx,\n", {{"", ""}, {"", "x"}, {"x", ""}}},
                      CsvCase{"EmptyLines", "\na\n\r\n\nb\n\n", {{"a"}, {"b"}}},
                      CsvCase{"QuotedComma", "\"a,b\",c\n", {{"a,b", "c"}}},
                      CsvCase{"QuotedLineBreaks", "\"a\nb\r\nc\",d\r\n", {{"a\nb\r\nc", "d"}}},
                      CsvCase{"DoubledQuotes", "\"say \"\"hi\"\"\",\"\"\"\"\n", {{"say \"hi\"", "\""}}},
                      CsvCase{"EmptyQuotes", "\"\",x\n\"\"", {{"", "x"}, {""}}},
                      CsvCase{"QuoteInsideAField", "a 5\" disk,b\n", {{"a 5\" disk", "b"}}},
                      CsvCase{"SpacesAreKept", " a , b \n", {{" a ", " b "}}},
                      CsvCase{"LoneCarriageReturn", "a\rb,c\n", {{"a\rb", "c"}}},
                      CsvCase{"CarriageReturnAtTheEnd", "a,b\r", {{"a", "b\r"}}},
                      CsvCase{"QuotedLast", "a,\"b\"", {{"a", "b"}}}),
    [](const auto& each) { return each.param.name; });

TEST(CsvError, NamesTheLineOfAQuoteThatStaysOpen) {
  EXPECT_THAT(data_error_of([] { rows_of("a,b\n\"c\nd\",e\nf,\"g\nh"); }),
              HasSubstr("table.csv:4: a quoted field has no"));
}

TEST(CsvError, NamesTheLineOfTextBehindAQuote) {
  EXPECT_THAT(data_error_of([] { rows_of("a\n\"b\"c\n"); }), HasSubstr("table.csv:2: text follows"));
}

TEST(CsvReader, TellsWhereARowBegan) {
  CsvReader csv("a\n\n\"b\nc\"\nd\n", "table.csv");
  std::vector<std::string> positions;
  while (csv.next()) positions.push_back(csv.position());
  EXPECT_THAT(positions, ::testing::ElementsAre("table.csv:1", "table.csv:3", "table.csv:5"));
}

}  // namespace
}  // namespace dfm::media
