// Expected lines were written by PyYAML 6.0.3: yaml.dump({"l": [text]}).
#include <gtest/gtest.h>

#include "core/error.h"
#include "data/energon/yaml_text.h"

namespace dfm::data {
namespace {

TEST(YamlText, IsPlainWhereThatIsSafe) {
  for (const char* const text : {"a b.tar", "x'y.tar", "?a.tar", "-.tar", "a,b.tar", "a\\b.tar", "~.tar",
                                 "a:.tar", "a#.tar", "..tar"}) {
    EXPECT_EQ(yaml_list_item(text, 2), std::string("  - ") + text + "\n");
  }
}

TEST(YamlText, IsQuotedWhereItWouldMeanSomething) {
  for (const char* const text :
       {"{0..9}.tar", "- x.tar",   "a: b.tar", "a #b.tar", " lead.tar", "!x.tar",    "&a.tar",
        "*a.tar",     "? a.tar",   "%a.tar",   "@a.tar",   "`a.tar",    "--- x.tar", "...",
        "[br].tar",   "\"q\".tar", "#.tar",    "|.tar",    ">.tar",     "a:"}) {
    EXPECT_EQ(yaml_list_item(text, 0), std::string("- '") + text + "'\n");
  }
  EXPECT_EQ(yaml_list_item("'q'.tar", 0), "- '''q''.tar'\n");
}

TEST(YamlText, EscapesWhatIsNotAscii) {
  EXPECT_EQ(yaml_list_item("é\t😀\u2028\"\\\x7f.tar", 0), "- \"\\xE9\\t\\U0001F600\\L\\\"\\\\\\x7F.tar\"\n");
}

TEST(YamlText, FoldsAtColumn80) {
  std::string words;
  for (int i = 0; i < 60; ++i) words += "w ";
  EXPECT_EQ(yaml_list_item(words + "z.tar", 2),
            "  - w w w w w w w w w w w w w w w w w w w w w w w w w w w w w w w w w w w w w w w\n"
            "    w w w w w w w w w w w w w w w w w w w w w z.tar\n");
  std::string accents;
  for (int i = 0; i < 20; ++i) accents += "é ";
  EXPECT_EQ(yaml_list_item(accents + ".tar", 2),
            "  - \"\\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 \\xE9 "
            "\\xE9\\\n"
            "    \\ \\xE9 \\xE9 \\xE9 \\xE9 .tar\"\n");
}

TEST(YamlText, RefusesWhatIsNotUtf8) { EXPECT_THROW(yaml_list_item("\xff.tar", 0), Error); }

}  // namespace
}  // namespace dfm::data
