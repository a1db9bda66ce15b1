// Settings of dfm_prepare, and the note by which a folder knows what it was made with.
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "prepare/output_folder.h"
#include "support/errors.h"
#include "unit/prepare/small_pictures.h"

namespace dfm::prepare {
namespace {

using dfm::testing::error_of;
using dfm::testing::write_file;
using ::testing::HasSubstr;

std::string fingerprint(const Layer& more) { return settings_with("in", "out", more).fingerprint; }

TEST(PrepareSettings, HaveAnotherFingerprintWhateverDecidesTheShards) {
  const std::set<std::string> different{
      fingerprint({}),
      fingerprint({{"prepare.shard_maxcount", "3", "test"}}),
      fingerprint({{"prepare.resize_mode", "area", "test"}}),
      fingerprint({{"prepare.height", "32", "test"}, {"prepare.width", "16", "test"}}),
      fingerprint({{"prepare.height", "16", "test"}, {"prepare.width", "32", "test"}}),
      fingerprint({{"prepare.mode", "frames", "test"}}),
      fingerprint({{"prepare.mode", "frames", "test"}, {"prepare.num_frames", "3", "test"}})};
  EXPECT_EQ(different.size(), 7U);
}

TEST(PrepareSettings, RefuseASizeThatIsNoMultipleOf16) {
  const Error error = error_of([] {
    settings_with("in", "out", {{"prepare.height", "40", "test"}, {"prepare.width", "32", "test"}});
  });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.hint(), HasSubstr("32 or 48"));
}

TEST(PrepareSettings, RefuseOnlyOneOfHeightAndWidth) {
  const Error error = error_of([] { settings_with("in", "out", {{"prepare.height", "32", "test"}}); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
}

TEST(OutputFolder, IsClaimedAgainWithTheSameFingerprintOnly) {
  const dfm::testing::TemporaryFolder root;
  const OutputFolder folder(root / "new/folder");
  folder.claim("one");
  folder.claim("one");
  EXPECT_EQ(error_of([&] { folder.claim("two"); }).kind(), ExitCode::usage);
}

TEST(OutputFolder, NamesShardsWithSixDigits) {
  EXPECT_EQ(OutputFolder("x").shard_path(12).native(), "x/shard_000012.tar");
}

TEST(OutputFolder, TakesAShardForFinishedOnlyWithItsRecord) {
  const dfm::testing::TemporaryFolder root;
  const OutputFolder folder(root.path());
  folder.claim("one");
  EXPECT_FALSE(folder.finished(folder.shard_path(0)));
  folder.remember(folder.shard_path(0), {3, {"a: broken"}});
  EXPECT_FALSE(folder.finished(folder.shard_path(0)));
  write_file(folder.shard_path(0), "tar");
  ASSERT_TRUE(folder.finished(folder.shard_path(0)));
  EXPECT_EQ(folder.finished(folder.shard_path(0))->samples, 3);
  EXPECT_THAT(folder.finished(folder.shard_path(0))->skipped, ::testing::ElementsAre("a: broken"));
}

TEST(ShardRecord, KeepsNamesOfAnyCharacters) {
  const ShardRecord record{2, {"a \"b\"\n: no", "蝴蝶.png: no"}};
  EXPECT_EQ(shard_record_from_text(to_text(record), "r").skipped, record.skipped);
}

TEST(ShardRecord, ThatIsDamagedIsADataErrorThatNamesIt) {
  for (const char* const text : {"", "{", "[]", R"({"samples": "x", "skipped": []})", R"({"samples": 1})"}) {
    const Error error = error_of([&] { shard_record_from_text(text, "the/record.json"); });
    EXPECT_EQ(error.kind(), ExitCode::data) << text;
    EXPECT_THAT(error.what(), HasSubstr("the/record.json")) << text;
  }
}

}  // namespace
}  // namespace dfm::prepare
