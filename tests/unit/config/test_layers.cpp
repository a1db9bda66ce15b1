#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/keys.h"
#include "config/layers.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace dfm {
namespace {

using ::testing::Contains;
using testing::error_of;
using ::testing::HasSubstr;
using testing::TemporaryFolder;
using testing::write_file;

TEST(ConfigFile, IsReadByItsExtension) {
  const TemporaryFolder folder;
  write_file(folder / "my.yaml", "train:\n  train_iters: 1\n");
  write_file(folder / "my.yml", "train:\n  train_iters: 2\n");
  write_file(folder / "my.conf", "[train]\ntrain_iters = 3\n");
  EXPECT_EQ(read_config_file(folder / "my.yaml").at(0).text, "1");
  EXPECT_EQ(read_config_file(folder / "my.yml").at(0).text, "2");
  const Layer layer = read_config_file(folder / "my.conf");
  EXPECT_EQ(layer.at(0).text, "3");
  EXPECT_EQ(layer.at(0).origin, "my.conf:2");
}

TEST(ConfigFile, AMissingFileOrAFolderIsAUsageError) {
  const TemporaryFolder folder;
  for (const auto& path : {folder / "nowhere.ini", folder.path()}) {
    const Error error = error_of([&] { read_config_file(path); });
    EXPECT_EQ(error.kind(), ExitCode::usage);
    EXPECT_THAT(error.what(), HasSubstr(path.native()));
  }
}

TEST(Recipe, EveryOneThatIsDeliveredIsAccepted) {
  EXPECT_THAT(recipe_names(), Contains("dit_xl"));
  for (const std::string& name : recipe_names()) {
    Config config(all_keys());
    for (const Layer& layer : read_recipe(name)) EXPECT_NO_THROW(config.apply(layer)) << name;
  }
}

TEST(Recipe, GivesItsNameAsTheOrigin) {
  EXPECT_THAT(read_recipe("dit_s").back().at(0).origin, ::testing::StartsWith("recipe dit_s:"));
}

TEST(Recipe, AnUnknownOneListsTheKnownOnes) {
  const Error error = error_of([] { read_recipe("dit_xxl"); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.what(), HasSubstr("dit_xxl"));
  EXPECT_THAT(error.hint(), HasSubstr("dit_b, dit_l, dit_s, dit_xl"));
}

TEST(Recipe, BuildsOnItsBases) {
  const TemporaryFolder folder;
  write_file(folder / "top.ini",
             "[recipe]\nbase = " + (folder / "middle.ini").native() + "\n[train]\ntrain_iters = 3\n");
  write_file(folder / "middle.ini",
             "[recipe]\nbase = dit_xl\n[train]\ntrain_iters = 2\nglobal_batch_size = 2\n");
  Config config(all_keys());
  for (const Layer& layer : read_recipe(folder / "top.ini")) config.apply(layer);
  EXPECT_EQ(config.integer("model.num_layers"), 28);
  EXPECT_EQ(config.integer("train.global_batch_size"), 2);
  EXPECT_EQ(config.integer("train.train_iters"), 3);
  EXPECT_EQ(config.origin("train.train_iters"), "recipe top:4");
}

TEST(Recipe, BasesThatNeverEndAreAnError) {
  const TemporaryFolder folder;
  write_file(folder / "a.ini", "[recipe]\nbase = " + (folder / "b.ini").native() + "\n");
  write_file(folder / "b.ini", "[recipe]\nbase = " + (folder / "a.ini").native() + "\n");
  const Error error = error_of([&] { read_recipe(folder / "a.ini"); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.what(), HasSubstr("never end"));
}

TEST(Recipe, AnUnknownBaseIsNamed) {
  const TemporaryFolder folder;
  write_file(folder / "a.ini", "[recipe]\nbase = no_such_recipe\n");
  EXPECT_THAT(error_of([&] { read_recipe(folder / "a.ini"); }).what(), HasSubstr("no_such_recipe"));
}

TEST(AssignmentWord, IsASectionAKeyAndAValue) {
  for (const char* const word :
       {"train.train_iters=3", "a.b=", "a.b.c=x", "dataset.F_latents=1", "a.b=x=y"}) {
    EXPECT_TRUE(is_assignment_word(word)) << word;
  }
}

TEST(AssignmentWord, IsNotAPathAnOptionOrAText) {
  for (const char* const word :
       {"", "=", "a=b", "a.b", ".b=c", "a.=c", "./a.b=c", "/data/a.b=c", "a dog.png=x", "--a.b=c"}) {
    EXPECT_FALSE(is_assignment_word(word)) << word;
  }
}

TEST(IdleKey, IsRefusedWhereItWasTypedAndNotInAFile) {
  const auto refuse = [](const std::string& text, const std::string& origin) {
    Config config(all_keys());
    config.apply({{"sample.height", text, origin}});
    refuse_idle(config, "sample.height", "sample.size = 32*32", "leave out one of the two");
  };
  for (const char* const origin : {"--height", "command line"}) {
    const Error error = error_of([&] { refuse("64", origin); });
    EXPECT_EQ(error.kind(), ExitCode::usage);
    EXPECT_STREQ(error.what(), "sample.height = 64 has no effect with sample.size = 32*32");
    EXPECT_EQ(error.hint(), "leave out one of the two");
  }
  EXPECT_NO_THROW(refuse("64", "my.conf:2"));
}

TEST(AssignmentWord, IsDividedAtItsFirstEqualsSign) {
  const Assignment assignment = parse_assignment_word("sample.prompts=x.y=z");
  EXPECT_EQ(assignment.key, "sample.prompts");
  EXPECT_EQ(assignment.text, "x.y=z");
  EXPECT_EQ(assignment.origin, "command line");
}

}  // namespace
}  // namespace dfm
