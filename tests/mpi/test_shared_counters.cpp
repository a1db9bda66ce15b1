// Counters that all ranks add to.
#include <numeric>

#include <gtest/gtest.h>

#include "comm/shared_counters.h"

namespace dfm::comm {
namespace {

TEST(SharedCounters, GiveEveryNumberToExactlyOneRank) {
  constexpr std::int64_t kNumbers = 1000;
  const Group world = Group::world();
  SharedCounters counters(world, 3);
  std::vector<std::int64_t> taken(kNumbers);
  for (std::int64_t number = counters.add(1, 1); number < kNumbers; number = counters.add(1, 1))
    ++taken[static_cast<std::size_t>(number)];
  world.all_reduce_sum(std::span(taken));
  EXPECT_EQ(taken, std::vector<std::int64_t>(kNumbers, 1));
}

TEST(SharedCounters, CountWhatAllRanksAdd) {
  const Group world = Group::world();
  SharedCounters counters(world, 2);
  counters.add(1, world.rank() + 1);
  world.barrier();
  EXPECT_EQ(counters.read(1), std::int64_t{world.size()} * (world.size() + 1) / 2);
  EXPECT_EQ(counters.read(0), 0);
}

}  // namespace
}  // namespace dfm::comm
