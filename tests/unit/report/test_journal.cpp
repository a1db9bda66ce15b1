#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "report/journal.h"
#include "support/small_disk.h"
#include "support/temporary_folder.h"

namespace dfm::report {
namespace {

using testing::file_content;
using testing::SmallDisk;
using testing::TemporaryFolder;

std::vector<std::string> names(const std::vector<Json>& events) {
  std::vector<std::string> found;
  for (const Json& event : events) found.push_back(event["event"]);
  return found;
}

TEST(Journal, KeepsEventsInOrderWithTheirFields) {
  const TemporaryFolder folder;
  Journal journal(folder / "run/journal.jsonl");
  journal.record("start", {{"ranks", 4}});
  journal.record("stop", {{"reason", "signal TERM"}});
  const auto events = read_journal(folder / "run/journal.jsonl");
  ASSERT_THAT(names(events), ::testing::ElementsAre("start", "stop"));
  EXPECT_EQ(events[0]["ranks"], 4);
  EXPECT_EQ(events[1]["reason"], "signal TERM");
  EXPECT_THAT(events[0]["time"].get<std::string>(),
              ::testing::MatchesRegex("[0-9]+-[0-9]+-[0-9]+T[0-9]+:[0-9]+:[0-9]+Z"));
}

TEST(Journal, IsEmptyWhereThereIsNone) {
  const TemporaryFolder folder;
  EXPECT_TRUE(read_journal(folder / "journal.jsonl").empty());
}

TEST(Journal, ALineThatACrashHasTornIsPassedOverAndRepaired) {
  for (const std::size_t torn_bytes : {1U, 4096U, 10'000U}) {
    const TemporaryFolder folder;
    const auto path = folder / "journal.jsonl";
    Journal(path).record("start");
    const std::string whole = file_content(path);
    testing::write_file(path, whole + std::string(torn_bytes, '{'));
    EXPECT_THAT(names(read_journal(path)), ::testing::ElementsAre("start"));
    Journal(path).record("stop");
    EXPECT_THAT(names(read_journal(path)), ::testing::ElementsAre("start", "stop"));
    EXPECT_THAT(file_content(path), ::testing::StartsWith(whole + "{\"time\""));
  }
}

TEST(Journal, LinesThatAreNoEventsAreLeftOut) {
  const TemporaryFolder folder;
  const auto path = folder.write("journal.jsonl", "\n[1]\nnonsense\n{\"event\": \"start\"}\n{}\n");
  EXPECT_THAT(names(read_journal(path)), ::testing::ElementsAre("start"));
}

TEST(Journal, TextThatIsNotUtf8IsNoObstacle) {
  const TemporaryFolder folder;
  Journal(folder / "journal.jsonl").record("start", {{"command", "run\xff\n"}});
  EXPECT_EQ(read_journal(folder / "journal.jsonl").size(), 1U);
}

TEST(Journal, AFullDiskWarnsOnceAndLeavesCompleteLines) {
  const SmallDisk disk(64U << 10U);
  if (!disk.is_mounted()) GTEST_SKIP() << "needs root, to mount a small file system";
  Journal journal(disk / "journal.jsonl");
  ::testing::internal::CaptureStderr();
  for (int i = 0; i < 100; ++i) journal.record("event", {{"text", std::string(1500, 'x')}});
  const std::string printed = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(printed, ::testing::HasSubstr("No space left"));
  EXPECT_EQ(printed.find("not complete"), printed.rfind("not complete"));
  const std::string content = file_content(disk / "journal.jsonl");
  EXPECT_EQ(content.back(), '\n');
  EXPECT_THAT(read_journal(disk / "journal.jsonl").size(),
              ::testing::AllOf(::testing::Gt(10), ::testing::Lt(100)));
}

TEST(Journal, AFolderThatCannotBeMadeIsAWarning) {
  const TemporaryFolder folder;
  folder.write("file", "");
  ::testing::internal::CaptureStderr();
  Journal(folder / "file/run/journal.jsonl").record("start");
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), ::testing::HasSubstr("warning"));
}

}  // namespace
}  // namespace dfm::report
