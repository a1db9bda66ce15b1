// The order is that of spec/energon.md section 1.1.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "data/energon/shard_discovery.h"
#include "unit/data/shards.h"

namespace dfm::data::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> names(const Discovery& found) {
  std::vector<std::string> result;
  for (const ShardFile& shard : found.shards) result.push_back(shard.name);
  return result;
}

TEST(ShardDiscovery, SortsByThePartsOfThePath) {
  const TemporaryFolder folder;
  for (const char* const name :
       {"a.tar", "a-b/1.tar", "B.tar", "a/1.tar", "a/é.tar", "a/z.tar", "a/10.tgz", "a/b/c.tar"})
    folder.write(name, "x");
  EXPECT_THAT(names(find_shards(folder.path(), "")), ElementsAre("B.tar", "a/1.tar", "a/10.tgz", "a/b/c.tar",
                                                                 "a/z.tar", "a/é.tar", "a-b/1.tar", "a.tar"));
}

TEST(ShardDiscovery, PassesOverHiddenThingsAndOtherFiles) {
  const TemporaryFolder folder;
  for (const char* const name : {".a.tar", ".nv-meta/b.tar", "c.TAR", "d.tar.idx", "e.txt", "f.tar"})
    folder.write(name, "x");
  EXPECT_THAT(names(find_shards(folder.path(), "")), ElementsAre("f.tar"));
}

TEST(ShardDiscovery, FollowsLinksToFoldersButNotInCircles) {
  const TemporaryFolder folder, elsewhere;
  folder.write("a/1.tar", "x");
  elsewhere.write("2.tar", "yy");
  std::filesystem::create_directory_symlink(elsewhere.path(), folder / "b");
  std::filesystem::create_directory_symlink(folder.path(), folder / "a/circle");
  const Discovery found = find_shards(folder.path(), "");
  EXPECT_THAT(names(found), ElementsAre("a/1.tar", "b/2.tar"));
  EXPECT_EQ(found.shards[1].size_bytes, 2U);
}

TEST(ShardDiscovery, LeavesOutWhatTheExpressionIsFoundIn) {
  const TemporaryFolder folder;
  for (const char* const name : {"train/1.tar", "train/2.tar", "broken/1.tar"}) folder.write(name, "x");
  EXPECT_THAT(names(find_shards(folder.path(), "ok|n/2")), ElementsAre("train/1.tar"));
  EXPECT_THAT(names(find_shards(folder.path(), "^broken")), ElementsAre("train/1.tar", "train/2.tar"));
}

TEST(ShardDiscovery, RefusesAMalformedExpression) {
  const TemporaryFolder folder;
  const auto error = error_of([&] { find_shards(folder.path(), "("); });
  EXPECT_EQ(error->kind(), ExitCode::usage);
  EXPECT_THAT(error->what(), HasSubstr("index.exclude = '('"));
}

TEST(ShardDiscovery, SkipsWhatCannotBeAShard) {
  const TemporaryFolder folder;
  for (const char* const name : {"a.tar", "a.tgz", "b{1,2}.tar", "c\\.tar", "d\xff.tar", "e{}.tar"})
    folder.write(name, "x");
  std::filesystem::create_symlink("nowhere", folder / "link.tar");
  std::filesystem::create_directory(folder / "folder.tar");
  ASSERT_EQ(mkfifo((folder / "pipe.tar").c_str(), 0600), 0);
  const Discovery found = find_shards(folder.path(), "");
  EXPECT_THAT(names(found), ElementsAre("a.tar", "e{}.tar"));
  std::vector<std::string> skipped;
  for (const SkippedShard& shard : found.skipped) {
    skipped.push_back(shard.name);
    EXPECT_FALSE(shard.reason.empty());
  }
  EXPECT_THAT(skipped, ElementsAre("a.tgz", "b{1,2}.tar", "c\\.tar", "d\xff.tar", "link.tar", "pipe.tar"));
}

TEST(ShardDiscovery, NeedsTheFolder) {
  EXPECT_EQ(error_of([] { find_shards("/nowhere/at/all", ""); })->kind(), ExitCode::storage);
  const TemporaryFolder folder;
  folder.write("file", "x");
  EXPECT_EQ(error_of([&] { find_shards(folder / "file", ""); })->kind(), ExitCode::storage);
  EXPECT_THAT(find_shards(folder.path(), "").shards, IsEmpty());
}

TEST(ShardDiscovery, TravelsAsText) {
  const Discovery found{{{"a b.tar", 12345678901}, {"é/\n.tar", 0}}, {{"d\xff.tar", "its name"}, {"x", ""}}};
  const Discovery back = discovery_from_text(to_text(found));
  EXPECT_EQ(names(back), names(found));
  EXPECT_EQ(back.shards[0].size_bytes, 12345678901U);
  ASSERT_EQ(back.skipped.size(), 2U);
  EXPECT_EQ(back.skipped[0].name, "d\xff.tar");
  EXPECT_EQ(back.skipped[1].reason, "");
  EXPECT_THAT(discovery_from_text(to_text({})).shards, IsEmpty());
}

}  // namespace
}  // namespace dfm::data::testing
