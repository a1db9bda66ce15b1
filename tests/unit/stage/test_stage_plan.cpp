#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stage/stage_plan.h"

namespace dfm::stage {
namespace {

using ::testing::ElementsAre;

constexpr std::uint64_t kPlenty = 1'000'000;

NodeState empty_node(std::size_t files, std::uint64_t room_bytes = kPlenty) {
  return {room_bytes, std::vector<bool>(files)};
}

std::vector<std::uint64_t> bytes_by_reader(const StagePlan& plan, const std::vector<std::uint64_t>& sizes,
                                           std::size_t nodes) {
  std::vector<std::uint64_t> bytes(nodes);
  for (const auto& batch : plan.batches) {
    for (const Transfer& transfer : batch)
      bytes[static_cast<std::size_t>(transfer.reader)] += sizes[transfer.file];
  }
  return bytes;
}

TEST(StagePlan, ReadsEveryFileOnceAndGivesItToEveryNode) {
  const StagePlan plan = plan_staging({5, 5, 5, 5}, {3, empty_node(4)}, 2);
  EXPECT_THAT(bytes_by_reader(plan, {5, 5, 5, 5}, 3), ElementsAre(10, 10, 0));
  for (const auto& keeps : plan.keeps) EXPECT_THAT(keeps, ElementsAre(true, true, true, true));
}

TEST(StagePlan, HasNoMoreReadersAtOnceThanAllowed) {
  const std::vector<std::uint64_t> sizes(20, 7);
  const StagePlan plan = plan_staging(sizes, {8, empty_node(20)}, 3);
  EXPECT_EQ(plan.batches.size(), 7U);
  for (const auto& batch : plan.batches) {
    EXPECT_LE(batch.size(), 3U);
    for (std::size_t i = 1; i < batch.size(); ++i) EXPECT_NE(batch[i].reader, batch[i - 1].reader);
  }
}

TEST(StagePlan, DoesNotReadWhatAllNodesHave) {
  NodeState node = empty_node(3);
  node.has = {true, false, true};
  const StagePlan plan = plan_staging({4, 4, 4}, {node, node}, 4);
  ASSERT_EQ(plan.batches.size(), 1U);
  ASSERT_EQ(plan.batches[0].size(), 1U);
  EXPECT_EQ(plan.batches[0][0].file, 1U);
}

TEST(StagePlan, HoldsAllFilesTogetherWhereEachNodeHasRoomForItsPartAlone) {
  const StagePlan plan = plan_staging({10, 10, 10, 10}, {2, empty_node(4, 20)}, 2);
  EXPECT_THAT(plan.keeps[0], ElementsAre(true, false, true, false));
  EXPECT_THAT(plan.keeps[1], ElementsAre(false, true, false, true));
  EXPECT_THAT(plan.lacking_bytes, ElementsAre(20, 20));
}

TEST(StagePlan, FillsTheRoomThatIsLeftWithTheOthersParts) {
  const StagePlan plan = plan_staging({10, 10, 10, 10}, {empty_node(4, 30), empty_node(4, 20)}, 2);
  EXPECT_THAT(plan.keeps[0], ElementsAre(true, true, true, false));
}

TEST(StagePlan, SendsStatesAsText) {
  const NodeState state{123, {true, false, true}};
  const NodeState back = node_state_from_text(to_text(state));
  EXPECT_EQ(back.room_bytes, 123U);
  EXPECT_THAT(back.has, ElementsAre(true, false, true));
}

}  // namespace
}  // namespace dfm::stage
