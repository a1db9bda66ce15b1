// What the output folder remembers of its shards between starts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "prepare/output_folder.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace dfm::prepare {
namespace {

using dfm::testing::error_of;
using dfm::testing::write_file;
using ::testing::HasSubstr;

TEST(OutputFolder, IsClaimedAgainWithTheSameFingerprintOnly) {
  const dfm::testing::TemporaryFolder root;
  const OutputFolder folder(root / "new/folder");
  folder.claim("one", {});
  folder.claim("one", {});
  EXPECT_EQ(error_of([&] { folder.claim("two", {}); }).kind(), ExitCode::usage);
}

TEST(OutputFolder, RemembersTheCaptionsThatItWasClaimedWithUntilItIsGivenOthers) {
  const dfm::testing::TemporaryFolder root;
  const OutputFolder folder(root.path());
  folder.claim("one", std::vector<std::uint64_t>{1, 2});
  folder.claim("one", std::vector<std::uint64_t>{3, 4});
  EXPECT_THAT(folder.captions(2), ::testing::ElementsAre(1, 2));
  folder.remember_captions(std::vector<std::uint64_t>{1, 5});
  EXPECT_THAT(folder.captions(2), ::testing::ElementsAre(1, 5));
  EXPECT_EQ(error_of([&] { folder.captions(3); }).kind(), ExitCode::data);
}

TEST(OutputFolder, NamesShardsWithSixDigits) {
  EXPECT_EQ(OutputFolder("x").shard_path(12).native(), "x/shard_000012.tar");
}

TEST(OutputFolder, TakesAShardForFinishedOnlyWithItsRecord) {
  const dfm::testing::TemporaryFolder root;
  const OutputFolder folder(root.path());
  folder.claim("one", {});
  EXPECT_FALSE(folder.finished(folder.shard_path(0)));
  folder.remember(folder.shard_path(0), {3, {{1, "a: broken"}}});
  EXPECT_FALSE(folder.finished(folder.shard_path(0)));
  write_file(folder.shard_path(0), "tar");
  ASSERT_TRUE(folder.finished(folder.shard_path(0)));
  EXPECT_EQ(folder.finished(folder.shard_path(0))->samples, 3);
  EXPECT_THAT(folder.finished(folder.shard_path(0))->left_out,
              ::testing::ElementsAre(LeftOut{1, "a: broken"}));
}

TEST(ShardRecord, KeepsNamesOfAnyCharacters) {
  const ShardRecord record{2, {{0, "a \"b\"\n: no"}, {3, "蝴蝶.png: no"}}};
  EXPECT_EQ(shard_record_from_text(to_text(record), "r"), record);
}

TEST(ShardRecord, ThatIsDamagedIsADataErrorThatNamesIt) {
  for (const char* const text : {"", "{", "[]", R"({"samples": "x", "left_out": []})", R"({"samples": 1})",
                                 R"({"samples": 1, "left_out": ["a: no"]})"}) {
    const Error error = error_of([&] { shard_record_from_text(text, "the/record.json"); });
    EXPECT_EQ(error.kind(), ExitCode::data) << text;
    EXPECT_THAT(error.what(), HasSubstr("the/record.json")) << text;
  }
}

}  // namespace
}  // namespace dfm::prepare
