#include <algorithm>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/key.h"
#include "config/keys.h"
#include "support/errors.h"

namespace dfm {
namespace {

using ::testing::AllOf;
using testing::error_of;
using ::testing::HasSubstr;

bool accepts(const Key& key, const std::string& text) {
  try {
    parse_value(key, text);
    return true;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ExitCode::usage);
    return false;
  }
}

TEST(Key, WholeNumbersAreReadExactly) {
  const Key key = integer("a.b", 0, "");
  EXPECT_EQ(parse_value(key, "9223372036854775807"), Value(std::numeric_limits<std::int64_t>::max()));
  EXPECT_EQ(parse_value(key, "-9223372036854775808"), Value(std::numeric_limits<std::int64_t>::min()));
  for (const char* const text :
       {"", " ", "1.0", "1e3", "0x10", "12a", "a12", "1 2", "9223372036854775808", "null"}) {
    EXPECT_FALSE(accepts(key, text)) << text;
  }
}

TEST(Key, NumbersMayHaveExponentsAndSigns) {
  const Key key = real("a.b", 0, "");
  EXPECT_EQ(parse_value(key, "-2.5e-3"), Value(-2.5e-3));
  EXPECT_EQ(parse_value(key, "3"), Value(3.0));
  for (const char* const text : {"", "nan", "inf", "-inf", "1e999", "fast", "1,5", "1.5x"}) {
    EXPECT_FALSE(accepts(key, text)) << text;
  }
}

TEST(Key, RangesIncludeOrExcludeTheirEnds) {
  const Key closed = integer("a.b", 5, "").at_least(1).at_most(10);
  EXPECT_TRUE(accepts(closed, "1") && accepts(closed, "10"));
  EXPECT_FALSE(accepts(closed, "0") || accepts(closed, "11"));
  const Key open = real("a.b", 5, "").above(0);
  EXPECT_TRUE(accepts(open, "1e-300"));
  EXPECT_FALSE(accepts(open, "0") || accepts(open, "-1"));
}

TEST(Key, TextsAreEmptyWhereTheyMayBeNullAlone) {
  EXPECT_FALSE(accepts(text("a.b", "out", ""), ""));
  EXPECT_EQ(parse_value(text("a.b", {}, ""), ""), Value());
}

TEST(Key, FlagsAreWrittenInSeveralWays) {
  const Key key = flag("a.b", false, "");
  for (const char* const text : {"true", "True", "YES", "on", "1"})
    EXPECT_EQ(parse_value(key, text), Value(true));
  for (const char* const text : {"false", "No", "OFF", "0"}) EXPECT_EQ(parse_value(key, text), Value(false));
  for (const char* const text : {"", "2", "maybe", "null"}) EXPECT_FALSE(accepts(key, text));
}

TEST(Key, ChoicesAreTakenLiterally) {
  const Key key = choice("a.b", "heun", {"heun", "euler"}, "");
  EXPECT_EQ(parse_value(key, "euler"), Value(std::string("euler")));
  for (const char* const text : {"", "Euler", "eule", "null"}) EXPECT_FALSE(accepts(key, text)) << text;
}

TEST(Key, NullIsAcceptedWhereTheDefaultIsNull) {
  for (const Key& key : {integer("a.b", {}, ""), real("a.b", {}, ""), text("a.b", {}, "")}) {
    for (const char* const written : {"null", "~", ""}) EXPECT_EQ(parse_value(key, written), Value());
  }
}

TEST(Key, NullIsNotTheNameOfAFolder) {
  const Key key = text("checkpoint.save", "checkpoints", "");
  EXPECT_FALSE(accepts(key, "null") || accepts(key, "~"));
  EXPECT_TRUE(accepts(key, "nullified"));
}

using Texts = std::vector<std::string>;

TEST(Key, AListIsAnArrayOrOneText) {
  const Key key = texts("a.b", "");
  EXPECT_EQ(parse_value(key, R"(["one", "two, three", "\"four\""])"),
            Value(Texts{"one", "two, three", "\"four\""}));
  EXPECT_EQ(parse_value(key, "[]"), Value(Texts{}));
  EXPECT_EQ(parse_value(key, "just one, with a comma"), Value(Texts{"just one, with a comma"}));
  EXPECT_EQ(parse_value(key, "null"), Value(Texts{}));
  for (const char* const text : {"[", "[1, 2]", "[\"one\"", "[[\"one\"]]", "[null]"})
    EXPECT_FALSE(accepts(key, text));
}

TEST(Key, AListOfWhatIsNotUtf8IsRefused) {
  EXPECT_FALSE(accepts(texts("a.b", ""), "caf\xe9"));
  EXPECT_FALSE(accepts(texts("a.b", ""), "[\"caf\xe9\"]"));
  EXPECT_EQ(error_of([] { format_value(Texts{"caf\xe9"}); }).kind(), ExitCode::usage);
}

TEST(Key, ARefusalNamesKeyValueAndWhatIsAccepted) {
  const Key key = integer("train.steps", {}, "").at_least(1).at_most(10).in("steps");
  const Error error = error_of([&] { parse_value(key, "eleven"); });
  EXPECT_THAT(error.what(), AllOf(HasSubstr("train.steps"), HasSubstr("eleven")));
  EXPECT_THAT(error.hint(), HasSubstr("a whole number, at least 1, at most 10, in steps, or null"));
  const Error of_choice = error_of([] { parse_value(choice("a.b", "x", {"x", "y"}, ""), "z"); });
  EXPECT_THAT(of_choice.hint(), HasSubstr("x | y"));
}

TEST(Key, AValueIsReadBackFromItsText) {
  const Key number = real("a.b", 0, "");
  for (const double value : {0.1, 1e-5, 123456789.0, 5e-324, 1.7976931348623157e308, -0.0, 1e22}) {
    EXPECT_EQ(parse_value(number, format_value(value)), Value(value)) << format_value(value);
  }
  const Texts list{"", " a ", "null", "[x]", "line\nline", "\"quoted\"", "café"};
  EXPECT_EQ(parse_value(texts("a.b", ""), format_value(list)), Value(list));
  EXPECT_EQ(parse_value(integer("a.b", {}, ""), format_value(Value())), Value());
}

TEST(AllKeys, HaveASectionHelpAndADefaultThatTheyAcceptThemselves) {
  for (const Key& key : all_keys().keys) {
    EXPECT_THAT(key.name, ::testing::MatchesRegex("[a-z]+[.][A-Za-z0-9_]+"));
    EXPECT_FALSE(key.help.empty()) << key.name;
    EXPECT_FALSE(key.help.ends_with('.')) << key.name << ": the unit and the type follow in brackets";
    EXPECT_EQ(parse_value(key, format_value(key.default_value)), key.default_value) << key.name;
    EXPECT_FALSE(describe_type(key).empty()) << key.name;
  }
}

// Help and manual pages show them in this order.
TEST(AllKeys, ThoseOfASectionStandTogether) {
  std::vector<std::string> sections;
  for (const Key& key : all_keys().keys) {
    const std::string section = key.name.substr(0, key.name.find('.'));
    if (sections.empty() || sections.back() != section) sections.push_back(section);
  }
  std::ranges::sort(sections);
  EXPECT_EQ(std::ranges::adjacent_find(sections), sections.end());
}

TEST(AllKeys, AliasesLeadToKeysAndAreNoKeysThemselves) {
  const auto is_key = [](const std::string& name) {
    return std::ranges::find(all_keys().keys, name, &Key::name) != all_keys().keys.end();
  };
  for (const auto& [alias, key] : all_keys().aliases) {
    EXPECT_TRUE(is_key(key)) << alias << " -> " << key;
    EXPECT_FALSE(is_key(alias)) << alias;
  }
}

}  // namespace
}  // namespace dfm
