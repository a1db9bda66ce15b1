// Splits by pattern, and regular expressions as Python writes them.
// tests/interop/test_energon_dataset_yaml.py holds them against the real tool.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/energon/dataset_definition.h"
#include "data/energon/python_regex.h"
#include "data/energon/split_patterns.h"
#include "unit/data/shards.h"

namespace dfm::data::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

bool matches(const std::string& pattern, const std::string& text) {
  return std::regex_match(text, python_regex(pattern, "it"));
}

TEST(PythonRegex, TakesABraceThatRepeatsNothingForItself) {
  EXPECT_TRUE(matches("s-{000-004}", "s-{000-004}"));
  EXPECT_TRUE(matches("x{,2}y", "xxy"));
  EXPECT_TRUE(matches("x{,2}y", "y"));
  EXPECT_TRUE(matches("x{2,}", "xxx"));
  EXPECT_FALSE(matches("x{2}", "x{2}"));
  EXPECT_TRUE(matches("{}", "{}"));
  EXPECT_TRUE(matches("[{}]", "{"));
  EXPECT_TRUE(matches(R"(\{x\})", "{x}"));
}

TEST(PythonRegex, KnowsTheEndsOfAText) { EXPECT_TRUE(matches(R"(\Aab\Z)", "ab")); }

TEST(PythonRegex, NamesWhatIsMalformed) {
  const auto error = error_of([] { python_regex("a(", "index.exclude"); });
  EXPECT_EQ(error->kind(), ExitCode::usage);
  EXPECT_THAT(error->what(), HasSubstr("index.exclude = 'a('"));
}

TEST(SplitPatterns, MatchFromTheBeginningAndNotToTheEnd) {
  const std::vector<std::string> names{"a/1.tar", "a/2.tar", "b/a/1.tar"};
  const std::vector<std::string> words{"train:a/", "val:a/{2..3}", "test:1"};
  const auto parts = split_by_patterns(names, parse_split_patterns(words));
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_THAT(parts[0].shards, ElementsAre("a/1.tar", "a/2.tar"));
  EXPECT_THAT(parts[1].shards, ElementsAre("a/2.tar"));
  EXPECT_THAT(parts[2].shards, IsEmpty());
}

TEST(SplitPatterns, TakeTheLastOfTwoWithOneName) {
  const std::vector<std::string> words{"a:x", "b:y", "a:z"};
  const auto patterns = parse_split_patterns(words);
  ASSERT_EQ(patterns.size(), 2U);
  EXPECT_EQ(patterns[0].pattern, "z");
}

TEST(SplitPatterns, AreRefusedWithoutAName) {
  for (const char* const word : {"train", ":x", "a:("}) {
    const std::vector<std::string> words{word};
    EXPECT_EQ(error_of([&] { parse_split_patterns(words); })->kind(), ExitCode::usage) << word;
  }
}

TEST(FieldMap, NamesThePartsOfItsAlternatives) {
  EXPECT_THAT(parts_of_expression("jpg,json[image][0],seg.png"), ElementsAre("jpg", "json", "seg.png"));
}

}  // namespace
}  // namespace dfm::data::testing
