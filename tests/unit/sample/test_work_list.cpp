// From prompts to numbered items and the names of their files.
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "config/keys.h"
#include "sample/work_list.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace dfm::sample {
namespace {

using dfm::testing::error_of;
using ::testing::ElementsAre;

WorkList list_of(const Layer& layer) {
  Config config(all_keys());
  config.apply(layer);
  return work_list(config);
}

std::vector<std::string> prompts_of(const WorkList& list) {
  std::vector<std::string> prompts;
  for (const WorkItem& item : list.items) prompts.push_back(item.prompt);
  return prompts;
}

// The prompts that a file with this content gives.
std::vector<std::string> prompts_in(const std::string& content) {
  const dfm::testing::TemporaryFolder folder;
  dfm::testing::write_file(folder / "prompts.txt", content);
  return prompts_of(list_of({{"sample.prompt_file", (folder / "prompts.txt").native(), "test"}}));
}

TEST(FileNamePart, KeepsLettersDigitsAndHyphens) {
  EXPECT_EQ(file_name_part("A blue-ish cat, no. 7"), "A_blue-ish_cat__no__7");
}

TEST(FileNamePart, LeavesNothingThatMeansSomethingToAFileSystem) {
  EXPECT_EQ(file_name_part("../a/b\\c:*?\n"), "___a_b_c____");
  EXPECT_EQ(file_name_part("蝶"), "___");
  EXPECT_EQ(file_name_part(std::string("a\0b", 3)), "a_b");
}

TEST(FileNamePart, HasAtMost50Characters) {
  EXPECT_EQ(file_name_part(std::string(500, 'x')), std::string(50, 'x'));
}

TEST(WorkList, NumbersAllSamplesOfAPromptBeforeTheNext) {
  const WorkList list =
      list_of({{"sample.prompts", R"(["cat", "dog"])", "test"}, {"sample.samples_per_prompt", "2", "test"}});
  ASSERT_EQ(list.items.size(), 4U);
  EXPECT_THAT(prompts_of(list), ElementsAre("cat", "cat", "dog", "dog"));
  for (std::uint64_t i = 0; i < 4; ++i) EXPECT_EQ(list.items[i].number, i);
  EXPECT_EQ(list.items[3].name, "000003_dog");
}

TEST(WorkList, GivesEqualPromptsNamesOfTheirOwn) {
  std::set<std::string> names;
  const std::string x(60, 'x');
  const std::string prompts = nlohmann::json{"a b", "a_b", "a b", x + "1", x + "2"}.dump();
  for (const WorkItem& item : list_of({{"sample.prompts", prompts, "test"}}).items) names.insert(item.name);
  EXPECT_EQ(names.size(), 5U);
}

TEST(WorkList, TakesOnePromptALineAfterThoseOfTheCommandLine) {
  const dfm::testing::TemporaryFolder folder;
  dfm::testing::write_file(folder / "prompts.txt", "two, with a comma\n\n  \t\nthree");
  const WorkList list = list_of(
      {{"sample.prompts", "one", "test"}, {"sample.prompt_file", (folder / "prompts.txt").native(), "test"}});
  EXPECT_THAT(prompts_of(list), ElementsAre("one", "two, with a comma", "three"));
}

TEST(WorkList, TakesFilesWithTheLineEndsOfWindows) {
  EXPECT_THAT(prompts_in("cat\r\ndog\r\n"), ElementsAre("cat", "dog"));
}

TEST(WorkList, TakesFilesThatBeginWithAByteOrderMark) {
  EXPECT_THAT(prompts_in("\xEF\xBB\xBF"
                         "cat\ndog\n"),
              ElementsAre("cat", "dog"));
}

TEST(WorkList, WithoutPromptsIsAUsageError) {
  EXPECT_EQ(error_of([] { list_of({}); }).kind(), ExitCode::usage);
}

TEST(WorkList, WritesIntoTheFolderThatIsNamed) {
  EXPECT_EQ(list_of({{"sample.prompts", "cat", "test"}, {"sample.output", "out/put", "test"}}).folder,
            "out/put");
}

TEST(WorkList, GivesTheOnlySampleTheNameOfAFile) {
  const WorkList list =
      list_of({{"sample.prompts", "cat", "test"}, {"sample.output", "out/my cat.png", "test"}});
  EXPECT_EQ(list.folder, "out");
  EXPECT_EQ(list.items[0].name, "my cat");
}

TEST(WorkList, RefusesAFileNameOfAnotherKindThanItsFrames) {
  for (const auto& [name, frames] : {std::pair{"cat.mp4", "1"}, std::pair{"cat.png", "5"}}) {
    const Error error = error_of([&] {
      list_of({{"sample.prompts", "cat", "test"},
               {"sample.output", name, "test"},
               {"sample.num_frames", frames, "test"}});
    });
    EXPECT_EQ(error.kind(), ExitCode::usage);
    EXPECT_THAT(error.what(), ::testing::HasSubstr(name));
  }
}

TEST(WorkList, RefusesOneFileForSeveralSamples) {
  const Error error = error_of([] {
    list_of({{"sample.prompts", R"(["cat", "dog"])", "test"}, {"sample.output", "cat.png", "test"}});
  });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.what(), ::testing::HasSubstr("2 samples"));
}

}  // namespace
}  // namespace dfm::sample
