// What --print-config prints is a file that gives the same configuration again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/keys.h"
#include "config/layers.h"
#include "support/seed.h"
#include "support/temporary_folder.h"
#include "unit/config/small_table.h"

namespace dfm {
namespace {

using testing::config_with;
using ::testing::HasSubstr;
using ::testing::Not;

std::map<std::string, std::string> read_back(const Config& printed, const KeyTable& table) {
  const testing::TemporaryFolder folder;
  testing::write_file(folder / "printed.ini", printed.to_ini());
  Config again(table);
  again.apply(read_ini_file(folder / "printed.ini", "printed.ini"));
  return again.values_as_text();
}

class PrintedText : public ::testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Awkward, PrintedText,
                         ::testing::Values("plain", "two words", "a ; b", "; b", "a;b", "a # b", "#b", "a=b",
                                           "x.y=z", " leading", "trailing ", "\ttab", "tab\t", "line\nline",
                                           "\n", "carriage\r", "\"quoted\"", "\"", "\"a\" b", "a \"b\"", "\\",
                                           "back\\slash ;", "[section]", "[\"list\" ; x]", "key: value",
                                           "caf\xc3\xa9 ; x", "{json}", "'single'", "null ; x",
                                           "%s {} ${oc.env:HOME}", std::string("a\0b", 3),
                                           std::string(5000, 'x') + " ; " + std::string(5000, 'y')));

TEST_P(PrintedText, IsReadBackAsAText) {
  Config config(testing::small_table());
  config.apply({{"save.path", GetParam(), "test"}});
  EXPECT_EQ(read_back(config, testing::small_table()), config.values_as_text()) << config.to_ini();
}

TEST_P(PrintedText, IsReadBackAsAnElementOfAList) {
  Config config(testing::small_table());
  config.apply({{"sample.prompts", format_value(std::vector<std::string>{"first", GetParam()}), "test"}});
  EXPECT_EQ(read_back(config, testing::small_table()), config.values_as_text()) << config.to_ini();
}

TEST(PrintedConfig, AnEmptyElementOfAListIsReadBack) {
  const Config config = config_with({R"(sample.prompts=["", "a", ""])"});
  EXPECT_EQ(read_back(config, testing::small_table()), config.values_as_text());
}

TEST(PrintedConfig, APathThatIsNotUtf8IsReadBack) {
  const Config config = config_with({"save.path=caf\xe9/run"});
  EXPECT_EQ(read_back(config, testing::small_table()), config.values_as_text());
}

TEST(PrintedConfig, RandomTextsAreReadBack) {
  std::mt19937 random(testing::announced_seed());
  const std::string alphabet = "ab;#=:\"'\\[], \t\n\r";
  for (int round = 0; round < 300; ++round) {
    std::string text;
    for (auto length = 1 + random() % 12; length > 0; --length) text += alphabet[random() % alphabet.size()];
    Config config(testing::small_table());
    config.apply({{"save.path", text, "test"},
                  {"sample.prompts", format_value(std::vector<std::string>{text, text}), "test"}});
    ASSERT_EQ(read_back(config, testing::small_table()), config.values_as_text()) << config.to_ini();
  }
}

TEST(PrintedConfig, AllKeysOfTheProgramsAreReadBack) {
  const Config config(all_keys());
  EXPECT_EQ(read_back(config, all_keys()), config.values_as_text());
}

TEST(PrintedConfig, ShowsWhereEachValueComesFrom) {
  const std::string ini = config_with({"train.steps=7"}).to_ini();
  EXPECT_THAT(ini, ::testing::ContainsRegex("steps = 7 +; test\n"));
  EXPECT_THAT(ini, ::testing::ContainsRegex("lr = 0.001 +; default\n"));
}

TEST(PrintedConfig, HoldsTheSectionsThatAreAskedForOnly) {
  const std::string ini = Config(testing::small_table()).to_ini({"train", "save"});
  EXPECT_THAT(ini, HasSubstr("[train]"));
  EXPECT_THAT(ini, HasSubstr("[save]"));
  EXPECT_THAT(ini, Not(HasSubstr("optimizer")));
}

}  // namespace
}  // namespace dfm
