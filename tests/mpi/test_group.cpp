#include <numeric>

#include <gtest/gtest.h>

#include "comm/group.h"

namespace dfm::comm {
namespace {

TEST(Group, SumsOverAllRanks) {
  const Group world = Group::world();
  std::vector<double> values{1.0 + world.rank(), 0.5};
  world.all_reduce_sum(std::span(values));
  const int n = world.size();
  EXPECT_DOUBLE_EQ(values[0], n * (n + 1) / 2.0);
  EXPECT_DOUBLE_EQ(values[1], 0.5 * n);
}

TEST(Group, ReduceScatterGivesEachRankTheSumOfItsPart) {
  const Group world = Group::world();
  std::vector<std::int64_t> counts(world.size());
  std::iota(counts.begin(), counts.end(), 2);  // uneven parts
  const auto total = std::reduce(counts.begin(), counts.end());
  std::vector<float> values(total);
  for (std::int64_t i = 0; i < total; ++i) values[i] = static_cast<float>(i + world.rank());
  std::vector<float> mine(counts[world.rank()]);
  world.reduce_scatter_sum(values, counts, mine);
  const auto begin = std::reduce(counts.begin(), counts.begin() + world.rank());
  const int n = world.size();
  for (std::size_t i = 0; i < mine.size(); ++i) {
    EXPECT_FLOAT_EQ(mine[i], static_cast<float>(n * (begin + i) + n * (n - 1) / 2));
  }
}

TEST(Group, AllGatherPartsCompletesTheWhole) {
  const Group world = Group::world();
  std::vector<std::int64_t> counts(world.size(), 3);
  counts[0] = 0;  // a rank may have nothing
  std::vector<std::byte> all(std::reduce(counts.begin(), counts.end()));
  std::size_t at = 0;
  for (int rank = 0; rank < world.size(); ++rank) {
    for (int i = 0; i < counts[rank]; ++i, ++at) {
      if (rank == world.rank()) all[at] = static_cast<std::byte>(10 * rank + i);
    }
  }
  world.all_gather_parts(all, counts);
  at = 0;
  for (int rank = 0; rank < world.size(); ++rank) {
    for (int i = 0; i < counts[rank]; ++i, ++at) EXPECT_EQ(all[at], static_cast<std::byte>(10 * rank + i));
  }
}

TEST(Group, TextsOfAllRanksArriveInRankOrder) {
  const Group world = Group::world();
  const auto texts = world.all_gather_text(std::string(world.rank(), 'x'));
  ASSERT_EQ(texts.size(), static_cast<std::size_t>(world.size()));
  for (int rank = 0; rank < world.size(); ++rank) EXPECT_EQ(texts[rank], std::string(rank, 'x'));
}

TEST(Group, BroadcastsTheTextOfTheRoot) {
  const Group world = Group::world();
  const int root = world.size() - 1;
  EXPECT_EQ(world.broadcast_text(world.rank() == root ? "from the last" : "", root), "from the last");
}

TEST(Group, CountsTheBytesItMoves) {
  const Group world = Group::world();
  std::vector<float> values(100);
  world.all_reduce_sum(std::span(values));
  EXPECT_EQ(world.traffic().all_reduce_bytes, 400U);
  EXPECT_EQ(world.traffic().all_gather_bytes, 0U);
}

}  // namespace
}  // namespace dfm::comm
