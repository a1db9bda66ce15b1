// The order that spreads costs evenly: a permutation within windows, a function of positions alone, and as
// even as it says.
#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "data/loader/balanced_order.h"
#include "support/seed.h"

namespace dfm::data {
namespace {

constexpr std::int64_t kEpoch = 97;

SampleOrder plain_order() { return {{50, 0, 47}, {}, {7, 8, 2}}; }

// Few that cost much, many that cost little, all of them different.
double uneven(std::int64_t sample) {
  const auto n = static_cast<double>(sample);
  return sample % 3 == 0 ? 100 + n * n : 1 + n / 1000;
}

TEST(BalancedOrder, TakesEachSampleExactlyOnceAnEpoch) {
  for (const std::int64_t window : {1, 16, 64, 1000}) {
    BalancedOrder order(plain_order(), window, uneven);
    for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
      std::set<std::int64_t> seen;
      for (std::int64_t i = 0; i < kEpoch; ++i) seen.insert(order.sample_at(epoch * kEpoch + i));
      EXPECT_EQ(std::ssize(seen), kEpoch) << "window " << window;
    }
  }
}

TEST(BalancedOrder, DoesNotDependOnWhereReadingBegins) {
  std::mt19937 random(dfm::testing::announced_seed());
  BalancedOrder in_turn(plain_order(), 32, uneven), jumping(plain_order(), 32, uneven);
  std::map<std::int64_t, std::int64_t> expected;
  for (std::int64_t i = 0; i < 4 * kEpoch; ++i) expected[i] = in_turn.sample_at(i);
  for (int i = 0; i < 500; ++i) {
    const auto position = static_cast<std::int64_t>(random() % (4 * kEpoch));
    EXPECT_EQ(jumping.sample_at(position), expected.at(position)) << "position " << position;
  }
}

TEST(BalancedOrder, ChangesNothingWhereAllCostTheSame) {
  BalancedOrder order(plain_order(), 16, [](std::int64_t) { return 3.0; });
  SampleOrder plain = plain_order();
  for (std::int64_t i = 0; i < 2 * kEpoch; ++i) EXPECT_EQ(order.sample_at(i), plain.sample_at(i)) << i;
}

TEST(EvenlySpread, KeepsTheOrderOfItemsThatCostTheSame) {
  std::mt19937 random(dfm::testing::announced_seed());
  std::vector<double> costs(500);
  for (double& cost : costs) cost = static_cast<double>(random() % 5);
  std::map<double, std::size_t> last;
  for (const std::size_t item : evenly_spread(costs)) {
    const auto before = last.find(costs[item]);
    EXPECT_TRUE(before == last.end() || before->second < item);
    last[costs[item]] = item;
  }
}

// What the dearest of equal parts of the places has more than their mean.
double spread_of_parts(const std::vector<double>& costs, std::size_t length) {
  const auto items = evenly_spread(costs);
  double most = 0, sum = 0;
  for (std::size_t begin = 0; begin < items.size(); begin += length) {
    double cost = 0;
    for (std::size_t i = begin; i < begin + length; ++i) cost += costs[items[i]];
    most = std::max(most, cost);
    sum += cost;
  }
  return most * static_cast<double>(items.size() / length) / sum - 1;
}

// No item may cost as much as a part does on average (about 100): then no order would be even.
TEST(EvenlySpread, MakesRunsOfPositionsCostTheSame) {
  std::mt19937 random(dfm::testing::announced_seed());
  std::lognormal_distribution<double> some(0, 1);
  std::vector<double> costs(4096);
  for (double& cost : costs) cost = random() % 2 == 0 ? 0.001 : std::min(some(random), 20.0);
  EXPECT_LT(spread_of_parts(costs, 128), 0.003);
  EXPECT_LT(spread_of_parts(costs, 512), 0.003);
}

}  // namespace
}  // namespace dfm::data
