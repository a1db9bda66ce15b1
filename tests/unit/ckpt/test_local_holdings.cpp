// What nodes hold of node-local checkpoints, and what they hold together.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ckpt/local_copies.h"
#include "ckpt/local_holdings.h"
#include "ckpt/local_tier.h"
#include "core/error.h"
#include "core/stop_token.h"
#include "support/child_process.h"
#include "unit/ckpt/made_checkpoint.h"

namespace dfm::ckpt {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const FileRecord kFile{"a", 5, "x"};

Holding holding(std::int64_t step, const std::string& id, std::map<std::string, std::uint64_t> files) {
  return {step, id, "2026-01-01T00:00:00Z", 0, std::move(files)};
}

TEST(LocalHoldings, SurviveTheJourneyAsText) {
  const std::vector<Holding> sent{{12, "ab", "2026-11-26", 10, {{"rank_00000.h5", 7}}}, {3, "", "", 0, {}}};
  const auto received = holdings_from_text(to_text(sent));
  ASSERT_EQ(received.size(), 2U);
  EXPECT_EQ(received[0].id, "ab");
  EXPECT_EQ(received[0].shared_step, 10);
  EXPECT_EQ(received[0].files, sent[0].files);
}

TEST(LocalHoldings, AreJoinedNewestFirst) {
  const auto candidates = join_holdings({{holding(3, "x", {})}, {holding(9, "y", {}), holding(3, "x", {})}});
  ASSERT_EQ(candidates.size(), 2U);
  EXPECT_EQ(candidates[0].step, 9);
  EXPECT_EQ(candidates[0].manifest_node(), 1);
}

TEST(LocalHoldings, OfAnotherAttemptAtTheSameStepAreNotMixed) {
  const auto candidates = join_holdings({{holding(3, "old", {{"a", 5}})}, {holding(3, "new", {{"b", 5}})}});
  ASSERT_EQ(candidates.size(), 2U);
  const auto& made_new = candidates[0].id == "new" ? candidates[0] : candidates[1];
  EXPECT_THAT(made_new.of_node[0].files, IsEmpty());
}

TEST(LocalHoldings, WithoutAManifestServeTheFilesOfTheirStep) {
  const auto candidates = join_holdings({{holding(3, "", {{"a", 5}})}, {holding(3, "x", {})}});
  ASSERT_EQ(candidates.size(), 1U);
  EXPECT_EQ(candidates[0].holder(kFile, 1), 0);
}

TEST(LocalHoldings, MissAFileOfAnotherSize) {
  const auto candidates = join_holdings({{holding(3, "x", {{"a", 4}})}});
  Manifest manifest;
  manifest.files = {kFile};
  EXPECT_THAT(candidates[0].lost(manifest), ElementsAre("a"));
}

TEST(LocalHoldings, ComeFromTheNodeItselfWhereItHasTheFile) {
  const auto candidates = join_holdings({{holding(3, "x", {{"a", 5}})}, {holding(3, "x", {{"a", 5}})}});
  EXPECT_EQ(candidates[0].holder(kFile, 0), 0);
  EXPECT_EQ(candidates[0].holder(kFile, 1), 1);
}

TEST(LocalHoldings, AreFoundInAFolder) {
  const testing::TemporaryFolder root;
  make_checkpoint(root.path(), 4);
  const auto found = look_at_holdings(root.path());
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].step, 4);
  EXPECT_FALSE(found[0].id.empty());
  EXPECT_TRUE(found[0].files.contains("rank_00001.h5"));
  testing::write_file(checkpoint_folder(root.path(), 4) / kManifestName, "torn");
  EXPECT_TRUE(look_at_holdings(root.path()).at(0).id.empty());
}

TEST(LocalCopies, ThatAreDamagedGetAnotherName) {
  const testing::TemporaryFolder root;
  const auto folder = make_checkpoint(root.path(), 4);
  flip_bit(folder / "rank_00001.h5", 3000);
  const auto holdings = look_at_holdings(root.path());
  const CopyProblems problems = check_copies(folder, holdings.at(0), read_manifest(folder));
  EXPECT_THAT(problems.damaged, ElementsAre("rank_00001.h5"));
  EXPECT_THAT(problems.unreadable, IsEmpty());
  EXPECT_TRUE(std::filesystem::exists(folder / "rank_00001.h5.damaged"));
  EXPECT_THAT(copy_problems_from_text(to_text(problems)).damaged, ElementsAre("rank_00001.h5"));
}

TEST(LocalCopies, AreNotLookedAtFurtherWhenAskedToStop) {
  const testing::TemporaryFolder root;
  const auto folder = make_checkpoint(root.path(), 4);
  const auto holdings = look_at_holdings(root.path());
  const auto child = testing::run_in_child([&] {
    StopToken::request("a test");
    try {
      check_copies(folder, holdings.at(0), read_manifest(folder));
      return 0;
    } catch (const Error& error) {
      return static_cast<int>(error.kind());
    }
  });
  EXPECT_EQ(child.exit_code, static_cast<int>(ExitCode::stopped)) << child.standard_error;
}

TEST(PartnerTransfers, GoAroundTheRing) {
  const std::vector<FileRecord> files(3, kFile);
  const auto transfers = partner_transfers(files, {0, 1, 2}, 3);
  ASSERT_EQ(transfers.size(), 3U);
  std::map<int, int> to;
  for (const FileTransfer& each : transfers) to[each.from] = each.to;
  EXPECT_EQ(to, (std::map<int, int>{{0, 1}, {1, 2}, {2, 0}}));
}

}  // namespace
}  // namespace dfm::ckpt
