// What is handed out: every item exactly once, around what is there.
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "prepare/work_plan.h"
#include "support/seed.h"

namespace dfm::prepare {
namespace {

using ::testing::ElementsAre;

TEST(WorkPlan, CutsShardsIntoBlocks) {
  const WorkPlan plan = plan_work({25, 10, 4}, {false, false, false}, {});
  ASSERT_EQ(plan.shards.size(), 3U);
  EXPECT_THAT(plan.shards[0].parts, ElementsAre(ItemRange{0, 4}, ItemRange{4, 8}, ItemRange{8, 10}));
  EXPECT_THAT(plan.shards[2].parts, ElementsAre(ItemRange{20, 24}, ItemRange{24, 25}));
  EXPECT_EQ(plan.tickets.size(), 8U);
  EXPECT_EQ(plan.items, 25);
}

TEST(WorkPlan, PassesOverFinishedShards) {
  const WorkPlan plan = plan_work({25, 10, 100}, {true, false, true}, {});
  ASSERT_EQ(plan.shards.size(), 1U);
  EXPECT_EQ(plan.shards[0].shard, 1);
  EXPECT_THAT(plan.shards[0].parts, ElementsAre(ItemRange{10, 20}));
}

TEST(WorkPlan, FillsTheGapsBetweenPartsThatAreThere) {
  const WorkPlan plan = plan_work({10, 10, 3}, {false}, {{6, 8}, {0, 2}});
  EXPECT_THAT(plan.shards[0].parts, ElementsAre(ItemRange{0, 2}, ItemRange{2, 5}, ItemRange{5, 6},
                                                ItemRange{6, 8}, ItemRange{8, 10}));
  EXPECT_THAT(plan.shards[0].missing, ElementsAre(1U, 2U, 4U));
}

TEST(WorkPlan, TriesItemsThatFollowEachOtherTogether) {
  const WorkPlan plan = plan_second_try({25, 10, 2}, {3, 8, 9, 10, 11, 12, 20});
  ASSERT_EQ(plan.shards.size(), 3U);
  EXPECT_THAT(plan.shards[0].parts, ElementsAre(ItemRange{3, 4}, ItemRange{8, 10}));
  EXPECT_THAT(plan.shards[1].parts, ElementsAre(ItemRange{10, 12}, ItemRange{12, 13}));
  EXPECT_EQ(plan.shards[1].making, Making::mended);
  EXPECT_EQ(plan.tickets.size(), 5U);
  EXPECT_EQ(plan.items, 7);
}

TEST(WorkPlan, JoinsAShardThatIsThereAsOnePart) {
  const WorkPlan plan = plan_work({4, 4, 2}, {false}, {{0, 4}});
  EXPECT_EQ(plan.shards.at(0).making, Making::joined);
  EXPECT_EQ(plan.tickets.size(), 1U);
}

TEST(WorkPlan, AsksForAShardToBePutTogetherWhoseFullSetOfPartsIsThere) {
  const WorkPlan plan = plan_work({4, 4, 2}, {false}, {{2, 4}, {0, 2}});
  ASSERT_EQ(plan.tickets.size(), 1U);
  EXPECT_EQ(plan.tickets[0].part, Ticket::kNoPart);
}

TEST(WorkPlan, TilesEveryShardWhateverPartsAreThere) {
  std::mt19937 random(dfm::testing::announced_seed());
  const auto below = [&](std::int64_t bound) { return static_cast<std::int64_t>(random() % bound); };
  for (int round = 0; round < 500; ++round) {
    const WorkSize size{1 + below(60), 1 + below(20), 1 + below(9)};
    std::vector<bool> finished(static_cast<std::size_t>((size.items - 1) / size.items_in_shard + 1));
    std::vector<ItemRange> parts;
    for (std::int64_t i = below(8); i > 0; --i) {
      const std::int64_t begin = below(70);
      parts.push_back({begin, begin + below(12)});
    }
    const WorkPlan plan = plan_work(size, finished, parts);
    std::int64_t at = 0;
    for (const ShardPlan& shard : plan.shards) {
      for (std::size_t i = 0; i < shard.parts.size(); ++i) {
        EXPECT_EQ(shard.parts[i].begin, at);
        EXPECT_GT(shard.parts[i].end, at);
        at = shard.parts[i].end;
        const bool is_missing = std::ranges::count(shard.missing, i) > 0;
        EXPECT_TRUE(is_missing || std::ranges::count(parts, shard.parts[i]) > 0);
      }
      EXPECT_EQ(at, std::min((shard.shard + 1) * size.items_in_shard, size.items));
    }
    EXPECT_EQ(at, size.items);
  }
}

}  // namespace
}  // namespace dfm::prepare
