#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.h"
#include "support/errors.h"
#include "unit/config/small_table.h"

namespace dfm {
namespace {

using ::testing::AllOf;
using testing::config_with;
using testing::error_of;
using ::testing::HasSubstr;
using testing::small_table;

TEST(Config, StartsWithTheDefaultsOfItsKeys) {
  const Config config(small_table());
  EXPECT_EQ(config.integer("train.steps"), 100);
  EXPECT_EQ(config.real("optimizer.lr"), 0.001);
  EXPECT_FALSE(config.flag("train.mock"));
  EXPECT_EQ(config.text("save.path"), "out");
  EXPECT_TRUE(config.texts("sample.prompts").empty());
  EXPECT_TRUE(config.is_null("load.path"));
  EXPECT_EQ(config.origin("train.steps"), "default");
}

TEST(Config, LaterLayersWin) {
  Config config(small_table());
  config.apply({{"train.steps", "1", "recipe"}, {"train.seed", "1", "recipe"}, {"save.path", "a", "recipe"}});
  config.apply({{"train.steps", "2", "my.ini:3"}, {"train.seed", "2", "my.ini:4"}});
  config.apply({{"train.steps", "3", "command line"}});
  EXPECT_EQ(config.integer("train.steps"), 3);
  EXPECT_EQ(config.origin("train.steps"), "command line");
  EXPECT_EQ(config.integer("train.seed"), 2);
  EXPECT_EQ(config.origin("train.seed"), "my.ini:4");
  EXPECT_EQ(config.text("save.path"), "a");
  EXPECT_EQ(config.origin("save.path"), "recipe");
}

TEST(Config, ALaterLayerCanSetNullAgain) {
  Config config = config_with({"load.path=somewhere"});
  config.apply({{"load.path", "null", "command line"}});
  EXPECT_TRUE(config.is_null("load.path"));
}

TEST(Config, NullIsAnEmptyOptional) {
  const Config config = config_with({"optimizer.min_lr=0.5"});
  EXPECT_EQ(config.optional_real("optimizer.min_lr"), 0.5);
  EXPECT_EQ(config.optional_integer("train.seed"), std::nullopt);
  EXPECT_EQ(config.optional_text("load.path"), std::nullopt);
}

TEST(Config, ReadingANullThatIsNeededAsksForItWithItsHelp) {
  const Error error = error_of([] { Config(small_table()).text("load.path"); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.what(), HasSubstr("load.path is not set"));
  EXPECT_THAT(error.hint(), HasSubstr("Folder to go on from"));
}

TEST(Config, ReadingAnUndeclaredKeyOrAnotherTypeIsAMistakeOfTheProgram) {
  const Config config(small_table());
  EXPECT_EQ(error_of([&] { config.integer("train.unknown"); }).kind(), ExitCode::internal);
  EXPECT_EQ(error_of([&] { config.text("train.steps"); }).kind(), ExitCode::internal);
}

TEST(Config, AnUnknownKeyNamesWhereItStoodAndTheNearestKey) {
  Config config(small_table());
  const Error error = error_of([&] { config.apply({{"train.stesp", "3", "my.ini:7"}}); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("train.stesp"), HasSubstr("my.ini:7")));
  EXPECT_THAT(error.hint(), HasSubstr("train.steps"));
}

TEST(Config, TheRightNameInTheWrongSectionLeadsToTheKey) {
  EXPECT_EQ(nearest_key("model.lr", small_table()), "optimizer.lr");
  EXPECT_EQ(nearest_key("checkpointing.prompts", small_table()), "sample.prompts");
}

TEST(Config, AMisspeltAliasLeadsToItsKey) {
  EXPECT_EQ(nearest_key("optim.learning_rat", small_table()), "optimizer.lr");
}

TEST(Config, NothingIsSuggestedForWhatIsFarFromEveryKey) {
  EXPECT_EQ(nearest_key("zzzz.qqqqqqqq", small_table()), "");
  EXPECT_EQ(nearest_key(std::string(1'000'000, 'x'), small_table()), "");
  EXPECT_THAT(error_of([] { config_with({"zzzz.qqqqqqqq=1"}); }).hint(), HasSubstr("--print-config"));
}

TEST(Config, AliasesSetTheirKey) {
  EXPECT_EQ(config_with({"train.iterations=7"}).integer("train.steps"), 7);
  EXPECT_EQ(config_with({"steps=8"}).integer("train.steps"), 8);
}

TEST(Config, TwoSpellingsOfAKeyInOneLayerMustAgree) {
  EXPECT_EQ(config_with({"train.iterations=7", "train.steps=7"}).integer("train.steps"), 7);
  const Error error = error_of([] { config_with({"train.iterations=7", "train.steps=8"}); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("train.iterations"), HasSubstr("train.steps")));
}

TEST(Config, TwoSpellingsInDifferentLayersFollowTheOrderOfLayers) {
  Config config = config_with({"train.iterations=7"});
  config.apply({{"train.steps", "9", "command line"}});
  EXPECT_EQ(config.integer("train.steps"), 9);
}

TEST(Config, TheSameKeyTwiceInALayerTakesTheLast) {
  EXPECT_EQ(config_with({"train.steps=7", "train.steps=8"}).integer("train.steps"), 8);
}

TEST(Config, AValueThatIsRefusedNamesWhereItStood) {
  Config config(small_table());
  const Error error = error_of([&] { config.apply({{"train.iterations", "0", "my.yaml:12"}}); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("train.steps = '0'"), HasSubstr("my.yaml:12")));
  EXPECT_THAT(error.hint(), HasSubstr("at least 1"));
}

TEST(Config, ValuesAsTextHoldEveryKey) {
  const auto values = config_with({"sample.prompts=a cat", "optimizer.lr=1e-4"}).values_as_text();
  EXPECT_EQ(values.size(), small_table().keys.size());
  EXPECT_EQ(values.at("sample.prompts"), R"(["a cat"])");
  EXPECT_EQ(values.at("optimizer.lr"), "0.0001");
  EXPECT_EQ(values.at("load.path"), "null");
}

TEST(Config, AKeyThatIsDeclaredTwiceIsAMistakeOfTheProgram) {
  const KeyTable table{{flag("a.b", true, ""), flag("a.b", false, "")}, {}};
  EXPECT_EQ(error_of([&] { const Config config(table); }).kind(), ExitCode::internal);
}

}  // namespace
}  // namespace dfm
