// Packs and plans: golden/derived.md B12, and the plain definition of first-fit decreasing on random input.
#include <algorithm>
#include <numeric>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/loader/packing.h"
#include "support/seed.h"

namespace dfm::data {
namespace {

using ::testing::ElementsAre;
using Counts = std::vector<std::int64_t>;

std::vector<Counts> tokens_of(const std::vector<Pack>& packs, const Counts& counts) {
  std::vector<Counts> result;
  for (const Pack& pack : packs) {
    result.emplace_back();
    for (const std::size_t item : pack) result.back().push_back(counts[item]);
  }
  return result;
}

std::int64_t sum(const Counts& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
}

TEST(FirstFitDecreasing, GivesThePacksOfTheReference) {
  const Counts counts{2560, 1024, 4096, 512, 2048, 1536, 3072, 768};
  EXPECT_THAT(tokens_of(first_fit_decreasing(counts, 8000), counts),
              ElementsAre(ElementsAre(4096, 3072, 768), ElementsAre(2560, 2048, 1536, 1024, 512)));
}

TEST(FirstFitDecreasing, GivesWhatIsTooLongAPackOfItsOwn) {
  const Counts counts{9000, 100, 7900, 50};
  EXPECT_THAT(tokens_of(first_fit_decreasing(counts, 8000), counts),
              ElementsAre(ElementsAre(9000), ElementsAre(7900, 100), ElementsAre(50)));
}

TEST(FirstFitDecreasing, OfNothingIsNothing) { EXPECT_TRUE(first_fit_decreasing({}, 100).empty()); }

TEST(FirstFitDecreasing, KeepsTheOrderOfEqualItems) {
  EXPECT_THAT(first_fit_decreasing({5, 5, 5, 5, 5}, 10),
              ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3), ElementsAre(4)));
}

// The definition, in O(n^2).
std::vector<Pack> plain_first_fit(const Counts& counts, std::int64_t capacity) {
  std::vector<std::size_t> order(counts.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return counts[a] > counts[b]; });
  std::vector<Pack> packs;
  std::vector<std::int64_t> filled;
  for (const std::size_t item : order) {
    std::size_t pack = 0;
    while (pack < packs.size() && filled[pack] + counts[item] > capacity) ++pack;
    if (pack == packs.size()) {
      packs.emplace_back();
      filled.push_back(0);
    }
    packs[pack].push_back(item);
    filled[pack] += counts[item];
  }
  return packs;
}

Counts random_counts(std::mt19937& engine, std::int64_t most) {
  Counts counts(std::uniform_int_distribution<std::size_t>(1, 200)(engine));
  for (auto& count : counts) count = std::uniform_int_distribution<std::int64_t>(1, most)(engine);
  return counts;
}

TEST(FirstFitDecreasing, EqualsItsDefinitionOnRandomInput) {
  std::mt19937 engine(testing::announced_seed());
  for (int round = 0; round < 300; ++round) {
    const Counts counts = random_counts(engine, round % 3 == 0 ? 1300 : 500);
    ASSERT_EQ(first_fit_decreasing(counts, 1000), plain_first_fit(counts, 1000));
  }
}

TEST(FirstFitDecreasing, NeverFillsAPackBeyondItsCapacity) {
  std::mt19937 engine(testing::announced_seed());
  for (int round = 0; round < 100; ++round) {
    const Counts counts = random_counts(engine, 1300);
    for (const Counts& pack : tokens_of(first_fit_decreasing(counts, 1000), counts)) {
      EXPECT_TRUE(sum(pack) <= 1000 || pack.size() == 1) << sum(pack);
    }
  }
}

// Samples that cost what they are long.
SampleSizes sizes_of(const Counts& counts) { return {counts, {counts.begin(), counts.end()}}; }

class Plans : public ::testing::TestWithParam<Planner> {};

TEST_P(Plans, CoverEverySampleExactlyOnceOnAnyNumberOfRanks) {
  std::mt19937 engine(testing::announced_seed());
  for (int round = 0; round < 50; ++round) {
    const Counts counts = random_counts(engine, 700);
    for (std::size_t ranks = 1; ranks <= 8; ++ranks) {
      const StepPlan plan = GetParam()(sizes_of(counts), 1000, ranks);
      ASSERT_EQ(plan.size(), ranks);
      std::vector<int> seen(counts.size(), 0);
      for (const auto& packs : plan) {
        for (const Pack& pack : packs) {
          EXPECT_FALSE(pack.empty());
          for (const std::size_t item : pack) ++seen.at(item);
        }
      }
      EXPECT_THAT(seen, ::testing::Each(1));
    }
  }
}

TEST_P(Plans, KeepPacksWithinTheirCapacity) {
  std::mt19937 engine(testing::announced_seed());
  for (int round = 0; round < 50; ++round) {
    const Counts counts = random_counts(engine, 900);
    for (const auto& packs : GetParam()(sizes_of(counts), 1000, 3)) {
      for (const Counts& pack : tokens_of(packs, counts)) EXPECT_LE(sum(pack), 1000);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Both, Plans, ::testing::Values(plan_by_sample, plan_by_pack));

// Longest-first assignment never leaves a rank behind by more than the longest item that another rank took
// last.
TEST(PlanBySample, BalancesTokensToWithinOneSample) {
  std::mt19937 engine(testing::announced_seed());
  for (int round = 0; round < 100; ++round) {
    const Counts counts = random_counts(engine, 700);
    for (std::size_t ranks = 2; ranks <= 8; ++ranks) {
      Counts load;
      for (const auto& packs : plan_by_sample(sizes_of(counts), 1000, ranks)) {
        load.push_back(0);
        for (const Counts& pack : tokens_of(packs, counts)) load.back() += sum(pack);
      }
      EXPECT_LE(std::ranges::max(load) - std::ranges::min(load), std::ranges::max(counts));
    }
  }
}

// Longest first leaves {3, 3} and {2, 2, 2} as {3, 2} and {3, 2, 2}.
TEST(PlanBySample, ChangesItemsUntilRanksAreEven) {
  const SampleSizes sizes = sizes_of({3, 3, 2, 2, 2});
  EXPECT_NEAR(imbalance(plan_by_sample(sizes, 1000, 2), sizes.costs), 0, 1e-12);
}

TEST(PlanBySample, BalancesCostsAndNotTokens) {
  const SampleSizes sizes{{100, 1, 1, 1, 1, 1}, {5, 1, 1, 1, 1, 1}};
  const StepPlan plan = plan_by_sample(sizes, 1000, 2);
  EXPECT_NEAR(imbalance(plan, sizes.costs), 0, 1e-12);
  EXPECT_EQ(plan[0].front().size() + plan[1].front().size(), 6U);
}

TEST(Imbalance, IsWhatTheMostLoadedRankHasMoreThanTheMean) {
  EXPECT_DOUBLE_EQ(imbalance({{{0, 1}}, {{2}}}, {1, 2, 1}), 0.5);
  EXPECT_DOUBLE_EQ(imbalance({{{0}}, {}}, {1}), 1);
  EXPECT_DOUBLE_EQ(imbalance({{{0}}}, {0}), 0);
}

TEST(PlanBySample, GivesEveryRankWorkWhileThereAreSamples) {
  for (const auto& packs : plan_by_sample(sizes_of({10, 1, 1, 1}), 1000, 4)) EXPECT_EQ(packs.size(), 1U);
}

TEST(PlanByPack, MakesTheSamePacksForAnyNumberOfRanks) {
  std::mt19937 engine(testing::announced_seed());
  for (int round = 0; round < 50; ++round) {
    const Counts counts = random_counts(engine, 700);
    const auto packs = first_fit_decreasing(counts, 1000);
    const std::set<Pack> expected(packs.begin(), packs.end());
    for (std::size_t ranks = 1; ranks <= 8; ++ranks) {
      std::set<Pack> made;
      for (const auto& of_rank : plan_by_pack(sizes_of(counts), 1000, ranks))
        made.insert(of_rank.begin(), of_rank.end());
      EXPECT_EQ(made, expected);
    }
  }
}

TEST(StepPlan, WithMoreRanksThanSamplesLeaveRanksWithout) {
  EXPECT_THAT(plan_by_sample(sizes_of({7}), 10, 3),
              ElementsAre(ElementsAre(ElementsAre(0)), ElementsAre(), ElementsAre()));
  EXPECT_THAT(plan_by_pack(sizes_of({7}), 10, 3),
              ElementsAre(ElementsAre(ElementsAre(0)), ElementsAre(), ElementsAre()));
}

}  // namespace
}  // namespace dfm::data
