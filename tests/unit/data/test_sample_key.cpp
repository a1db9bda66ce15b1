// The table of spec/energon.md section 1.2.
#include <string>

#include <gtest/gtest.h>

#include "data/energon/sample_key.h"

namespace dfm::data {
namespace {

struct Row {
  const char* name;
  const char* key;
  const char* extension;
};

class Counted : public ::testing::TestWithParam<Row> {};

TEST_P(Counted, MemberNameGivesKeyAndExtension) {
  const auto [name, key, extension] = GetParam();
  EXPECT_EQ(split_member_name(name), (SampleName{key, extension}));
}

INSTANTIATE_TEST_SUITE_P(SampleKey, Counted,
                         ::testing::Values(Row{"d/1.seg.json", "d/1", "seg.json"},
                                           Row{"./2.txt", "./2", "txt"}, Row{"/abs/3.txt", "/abs/3", "txt"},
                                           Row{"e.f/1.txt", "e.f/1", "txt"}, Row{"4.", "4", ""},
                                           Row{"5..txt", "5", ".txt"}, Row{"d/._1.jpg", "d/", "_1.jpg"},
                                           Row{"d/.x", "d/", "x"}, Row{"x//.y", "x//", "y"},
                                           Row{"6.Jpg", "6", "Jpg"}, Row{"__k__.txt", "__k__", "txt"},
                                           Row{"q/__m__/7.txt", "q/__m__/7", "txt"},
                                           Row{"a.b/c/.d", "a.b/c/", "d"}, Row{"/.x", "/", "x"},
                                           Row{"line\nbreak.txt", "line\nbreak", "txt"}));

class Ignored : public ::testing::TestWithParam<const char*> {};

TEST_P(Ignored, MemberNameGivesNothing) { EXPECT_FALSE(split_member_name(GetParam())); }

INSTANTIATE_TEST_SUITE_P(SampleKey, Ignored,
                         ::testing::Values(".hid.txt", "noext", "a/b.c/d", "__meta__", "__meta__/x.txt",
                                           "____/x.txt", "", "/", "a.b/.c", "folder.d/", "."));

TEST(SampleKey, TakesLinearTimeForAHostileName) {
  std::string name;
  for (int i = 0; i < 500000; ++i) name += "./";
  EXPECT_FALSE(split_member_name(name + ".x"));
}

}  // namespace
}  // namespace dfm::data
