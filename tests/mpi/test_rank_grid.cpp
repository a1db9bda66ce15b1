#include <gtest/gtest.h>

#include "comm/rank_grid.h"

namespace dfm::comm {
namespace {

// The sum of world ranks over a group, computed by the group, against the same from arithmetic.
std::int64_t sum_over(const Group& group, std::int64_t value) {
  group.all_reduce_sum(std::span(&value, 1));
  return value;
}

TEST(GridGroups, EachGroupHoldsTheRanksThatDifferInItsCoordinateOnly) {
  const Group world = Group::world();
  const int tensor = world.size() % 2 == 0 ? 2 : 1;
  const RankGrid grid(world.size(), {.tensor = tensor});
  const GridGroups groups(world, grid);
  const GridCoordinates me = grid.coordinates(world.rank());

  std::int64_t tensor_sum = 0, data_sum = 0;
  for (int rank = 0; rank < world.size(); ++rank) {
    const GridCoordinates other = grid.coordinates(rank);
    if (other.data == me.data) tensor_sum += rank;
    if (other.tensor == me.tensor) data_sum += rank;
  }
  EXPECT_EQ(groups.tensor.size(), tensor);
  EXPECT_EQ(sum_over(groups.tensor, world.rank()), tensor_sum);
  EXPECT_EQ(groups.data.size(), world.size() / tensor);
  EXPECT_EQ(sum_over(groups.data, world.rank()), data_sum);
  EXPECT_EQ(sum_over(groups.data_context, world.rank()), data_sum);
  EXPECT_EQ(groups.pipeline.size(), 1);
}

TEST(GridGroups, ExpertGroupsAreConsecutiveDataRanks) {
  const Group world = Group::world();
  const int expert = world.size() % 2 == 0 ? 2 : 1;
  const RankGrid grid(world.size(), {.expert = expert});
  const GridGroups groups(world, grid);
  EXPECT_EQ(groups.expert.size(), expert);
  EXPECT_EQ(groups.expert.rank(), world.rank() % expert);
}

TEST(GridGroups, ExpertGroupsTakeNearContextRanksWhereThereAreTooFewDataRanks) {
  const Group world = Group::world();
  const RankGrid grid(world.size(), {.context = world.size(), .expert = world.size()});
  const GridGroups groups(world, grid);
  EXPECT_EQ(groups.expert.size(), world.size());
  EXPECT_EQ(groups.expert.rank(), grid.coordinates(world.rank()).expert);
  EXPECT_EQ(groups.expert_data.size(), 1);
}

// Whatever is asked for as copies: there may be fewer ranks with the same experts.
TEST(GridGroups, ExpertsAreDividedAmongTheRanksThatHaveTheSame) {
  const Group world = Group::world();
  const int expert = world.size() % 2 == 0 ? 2 : 1;
  for (const int copies : {1, world.size()}) {
    const RankGrid grid(world.size(), {.expert = expert, .shard_copies = copies});
    const GridGroups groups(world, grid);
    std::int64_t sum = 0;
    for (int rank = world.rank() % expert; rank < world.size(); rank += expert) sum += rank;
    EXPECT_EQ(sum_over(groups.expert_data, world.rank()), sum);
    EXPECT_EQ(groups.expert_copies.size(), copies == 1 ? 1 : world.size() / expert);
    EXPECT_EQ(groups.expert_shard.size() * groups.expert_copies.size(), groups.expert_data.size());
  }
}

}  // namespace
}  // namespace dfm::comm
