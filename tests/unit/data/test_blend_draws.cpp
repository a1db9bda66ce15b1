// Whose turn it is in a blend: exact counts, a pure function of the position, and shares that are honoured.
#include <map>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/loader/blend_draws.h"
#include "data/loader/sample_order.h"

namespace dfm::data {
namespace {

using ::testing::ElementsAre;

using Counts = std::map<std::size_t, std::int64_t>;

TEST(BlendDraws, AnEpochDrawsEachPartAsOftenAsItShould) {
  BlendDraws draws({100, 0, 7, 900}, 5, 64);  // 16 rounds
  for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
    Counts counts;
    for (std::int64_t i = 0; i < 1007; ++i) ++counts[draws.at(epoch * 1007 + i).part];
    EXPECT_EQ(counts, (Counts{{0, 100}, {2, 7}, {3, 900}}));
  }
}

TEST(BlendDraws, CountsTheDrawsOfAPartWithoutGaps) {
  BlendDraws draws({30, 50}, 5, 16);
  Counts next;
  for (std::int64_t position = 0; position < 400; ++position) {
    const auto draw = draws.at(position);
    EXPECT_EQ(draw.nth, next[draw.part]++) << position;
  }
}

TEST(BlendDraws, CanBeEnteredAnywhereInAnyOrder) {
  BlendDraws onward({30, 50, 1}, 9, 16), anywhere({30, 50, 1}, 9, 16);
  std::vector<std::pair<std::size_t, std::int64_t>> expected;
  for (std::int64_t i = 0; i < 500; ++i) expected.emplace_back(onward.at(i).part, onward.at(i).nth);
  for (std::int64_t i = 0; i < 500; ++i) {
    const std::int64_t position = i * 317 % 500;
    const auto draw = anywhere.at(position);
    EXPECT_EQ(std::pair(draw.part, draw.nth), expected[static_cast<std::size_t>(position)]) << position;
  }
}

TEST(BlendDraws, SpreadsEveryPartOverTheEpoch) {
  BlendDraws draws({500, 500}, 3, 100);
  for (std::int64_t round = 0; round < 10; ++round) {
    std::int64_t first = 0;
    for (std::int64_t i = 0; i < 100; ++i) first += draws.at(round * 100 + i).part == 0 ? 1 : 0;
    EXPECT_EQ(first, 50);
  }
}

TEST(Shares, HandTheRestToTheLargestRemainders) {
  EXPECT_THAT(shares(std::vector<std::int64_t>{1, 1, 1}, 10), ElementsAre(4, 3, 3));
  EXPECT_THAT(shares(std::vector<std::int64_t>{5, 0, 3}, 4), ElementsAre(3, 0, 1));
  const std::int64_t huge = std::int64_t{1} << 60U;
  EXPECT_THAT(shares(std::vector<std::int64_t>{huge, huge}, 1 << 20), ElementsAre(1 << 19, 1 << 19));
}

TEST(DrawsOfWeights, AreTheWeights) {
  EXPECT_THAT(draws_of_weights(std::vector<double>{3, 1}), ElementsAre(786432, 262144));
  const auto draws = draws_of_weights(std::vector<double>{1e-9, 1, 0});
  EXPECT_EQ(draws[0], 1);  // small, but not never
  EXPECT_EQ(draws[2], 0);
}

TEST(SampleOrder, OfABlendSeesEveryDrawnSampleOnceAnEpochOfItsPart) {
  // Parts of 20, 6 and 4 samples; the first is seen once, the second three times, the third never.
  SampleOrder order({15, 5, 6, 4}, {{2, 20}, {1, 18}, {1, 0}},
                    {.seed = 3, .slice_length = 4, .slices_in_block = 2});
  for (std::int64_t epoch = 0; epoch < 2; ++epoch) {
    std::map<std::int64_t, int> seen;
    for (std::int64_t i = 0; i < 38; ++i) ++seen[order.sample_at(epoch * 38 + i)];
    for (std::int64_t sample = 0; sample < 20; ++sample) EXPECT_EQ(seen[sample], 1) << sample;
    for (std::int64_t sample = 20; sample < 26; ++sample) EXPECT_EQ(seen[sample], 3) << sample;
    for (std::int64_t sample = 26; sample < 30; ++sample) EXPECT_EQ(seen[sample], 0) << sample;
  }
}

TEST(SampleOrder, ShufflesEqualPartsDifferently) {
  SampleOrder order({50, 50}, {{1, 50}, {1, 50}}, {.seed = 3});
  std::vector<std::int64_t> first, second;
  for (std::int64_t i = 0; i < 100; ++i) {
    const std::int64_t sample = order.sample_at(i);
    (sample < 50 ? first : second).push_back(sample % 50);
  }
  EXPECT_EQ(first.size(), 50U);
  EXPECT_NE(first, second);
}

}  // namespace
}  // namespace dfm::data
