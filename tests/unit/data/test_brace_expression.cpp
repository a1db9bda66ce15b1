// Expected lists are those of Python's braceexpand 0.1.7 (its own examples) and Energon's bracecollapse.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "data/energon/brace_expression.h"

namespace dfm::data {
namespace {

using ::testing::ElementsAre;
using Names = std::vector<std::string>;

TEST(ExpandBraces, KnowsRangesListsNestingAndEscapes) {
  EXPECT_THAT(expand_braces("item{1..3}"), ElementsAre("item1", "item2", "item3"));
  EXPECT_THAT(expand_braces("{a..c}"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(expand_braces("index.html{,.backup}"), ElementsAre("index.html", "index.html.backup"));
  EXPECT_THAT(expand_braces("python{2.{5..7},3.{2,3}}"),
              ElementsAre("python2.5", "python2.6", "python2.7", "python3.2", "python3.3"));
  EXPECT_THAT(expand_braces("{07..10}"), ElementsAre("07", "08", "09", "10"));
  EXPECT_THAT(expand_braces("{a..g..2}"), ElementsAre("a", "c", "e", "g"));
  EXPECT_THAT(expand_braces("{4..1}"), ElementsAre("4", "3", "2", "1"));
  EXPECT_THAT(expand_braces("{2..-1}"), ElementsAre("2", "1", "0", "-1"));
  EXPECT_THAT(expand_braces(R"({1\{2,3})"), ElementsAre("1{2", "3"));
  EXPECT_THAT(expand_braces("{a,b}{1,2}"), ElementsAre("a1", "a2", "b1", "b2"));
}

TEST(ExpandBraces, LeavesBracesThatMeanNothing) {
  EXPECT_THAT(expand_braces("a{}b"), ElementsAre("a{}b"));
  EXPECT_THAT(expand_braces("a{b}"), ElementsAre("a{b}"));
  EXPECT_THAT(expand_braces("plain.tar"), ElementsAre("plain.tar"));
  EXPECT_THAT(expand_braces(""), ElementsAre(""));
}

TEST(ExpandBraces, RefusesUnbalancedOnes) {
  for (const char* const text : {"{", "}", "{1{2,3}", "a}"}) EXPECT_THROW(expand_braces(text), Error) << text;
}

TEST(ExpandBraces, RefusesBombs) {
  EXPECT_THROW(expand_braces("{1..999999999999}"), Error);
  EXPECT_THROW(expand_braces("{-99999999999999999999999999999999999..99999999999999999999999999999999999}"),
               Error);
  std::string product;
  for (int i = 0; i < 40; ++i) product += "{a,b,c,d,e,f,g}";
  EXPECT_THROW(expand_braces(product), Error);
  EXPECT_THROW(expand_braces(std::string(100000, '{') + std::string(100000, '}')), Error);
}

TEST(CollapseBraces, JoinsRunsOfOneNumber) {
  EXPECT_EQ(collapse_braces(Names{"s-000.tar", "s-001.tar", "s-002.tar"}), Names{"s-{000..002}.tar"});
  EXPECT_EQ(collapse_braces(Names{"a-9.tar", "a-10.tar", "a-11.tar"}), (Names{"a-9.tar", "a-{10..11}.tar"}));
  EXPECT_EQ(collapse_braces(Names{"p0/s1.tar", "p0/s2.tar", "p1/s1.tar", "p2/s1.tar"}),
            (Names{"p0/s{1..2}.tar", "p{1..2}/s1.tar"}));
  EXPECT_EQ(collapse_braces(Names{"2.tar", "1.tar", "3.tar", "4.tar"}),
            (Names{"2.tar", "1.tar", "{3..4}.tar"}));
  EXPECT_EQ(collapse_braces(Names{"b.tar", "a.tar"}), (Names{"b.tar", "a.tar"}));
  EXPECT_TRUE(collapse_braces(Names{}).empty());
}

TEST(CollapseBraces, WritesOutWhatWouldNotComeBack) {
  const Names odd{"a1-01.tar",
                  "a2-1.tar"};  // equal numbers in different widths: the reference loses the second
  EXPECT_EQ(collapse_braces(odd), odd);
}

}  // namespace
}  // namespace dfm::data
