// Position -> sample: a permutation of each epoch that keeps slices of a shard together.
#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "core/error.h"
#include "data/loader/data_order.h"
#include "support/seed.h"

namespace dfm::data {
namespace {

using Samples = std::vector<std::int64_t>;

Samples epoch_of(DataOrder& order, std::int64_t epoch) {
  Samples samples;
  for (std::int64_t i = 0; i < order.samples_in_epoch(); ++i) {
    samples.push_back(order.sample_at(epoch * order.samples_in_epoch() + i));
  }
  return samples;
}

Samples all_of(const DataOrder& order) {
  Samples all(static_cast<std::size_t>(order.samples_in_epoch()));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

// Shards and settings of any kind, empty shards among them.
struct Case {
  Samples shards;
  OrderSettings settings;
};

Case random_case(std::mt19937& engine) {
  const auto draw = [&](int least, int most) {
    return std::uniform_int_distribution<int>(least, most)(engine);
  };
  Case result;
  const int shards = draw(1, 8);
  for (int i = 0; i < shards; ++i) result.shards.push_back(draw(0, 3) == 0 ? 0 : draw(1, 60));
  result.shards.push_back(draw(1, 9));
  result.settings = {static_cast<std::uint64_t>(draw(0, 1 << 30)), draw(1, 20), draw(1, 6)};
  return result;
}

TEST(DataOrder, IsAPermutationInEachEpoch) {
  std::mt19937 engine(testing::announced_seed());
  for (int round = 0; round < 50; ++round) {
    const Case chosen = random_case(engine);
    DataOrder order(chosen.shards, chosen.settings);
    for (const std::int64_t epoch : {0, 1, 7}) {
      Samples samples = epoch_of(order, epoch);
      std::ranges::sort(samples);
      ASSERT_EQ(samples, all_of(order));
    }
  }
}

TEST(DataOrder, DiffersBetweenEpochsAndSeeds) {
  const Samples shards{500, 300};
  DataOrder order(shards, {1, 16, 4}), other_seed(shards, {2, 16, 4});
  const Samples first = epoch_of(order, 0);
  EXPECT_NE(first, epoch_of(order, 1));
  EXPECT_NE(first, epoch_of(other_seed, 0));
  EXPECT_NE(first, all_of(order));
}

TEST(DataOrder, IsAFunctionOfThePositionAlone) {
  const std::uint32_t seed = testing::announced_seed();
  std::mt19937 engine(seed);
  for (int round = 0; round < 20; ++round) {
    const Case chosen = random_case(engine);
    DataOrder in_order(chosen.shards, chosen.settings), jumping(chosen.shards, chosen.settings);
    Samples expected;
    for (const std::int64_t epoch : {0, 1, 2}) {
      for (const std::int64_t sample : epoch_of(in_order, epoch)) expected.push_back(sample);
    }
    Samples positions(expected.size());
    std::iota(positions.begin(), positions.end(), 0);
    std::ranges::shuffle(positions, engine);
    for (const std::int64_t position : positions) {
      ASSERT_EQ(jumping.sample_at(position), expected[static_cast<std::size_t>(position)]) << position;
    }
  }
}

TEST(DataOrder, WorksFarFromTheBeginning) {
  DataOrder order({10, 20}, {1, 4, 2});
  const std::int64_t epoch = 1'000'000'000;
  Samples samples = epoch_of(order, epoch);
  std::ranges::sort(samples);
  EXPECT_EQ(samples, all_of(order));
}

// The slice of each sample: shards are cut from their beginning.
Samples slice_numbers(const Samples& shards, std::int64_t slice_length) {
  Samples slices;
  std::int64_t next = 0;
  for (const std::int64_t count : shards) {
    for (std::int64_t i = 0; i < count; ++i) slices.push_back(next + i / slice_length);
    next += (count + slice_length - 1) / slice_length;
  }
  return slices;
}

TEST(DataOrder, HasNoMoreSlicesUnderWayThanABlockHolds) {
  std::mt19937 engine(testing::announced_seed());
  for (int round = 0; round < 50; ++round) {
    const Case chosen = random_case(engine);
    DataOrder order(chosen.shards, chosen.settings);
    const Samples slice_of = slice_numbers(chosen.shards, chosen.settings.slice_length);
    std::map<std::int64_t, std::int64_t> missing;
    for (const std::int64_t slice : slice_of) ++missing[slice];
    std::set<std::int64_t> under_way;
    for (const std::int64_t sample : epoch_of(order, 3)) {
      const std::int64_t slice = slice_of[static_cast<std::size_t>(sample)];
      under_way.insert(slice);
      ASSERT_LE(under_way.size(), static_cast<std::size_t>(chosen.settings.slices_in_block));
      if (--missing[slice] == 0) under_way.erase(slice);
    }
    EXPECT_TRUE(under_way.empty());
  }
}

TEST(DataOrder, MixesTheSlicesOfABlock) {
  DataOrder order({4000}, {1, 1000, 4});
  const Samples samples = epoch_of(order, 0);
  std::int64_t changes = 0;
  for (std::size_t i = 1; i < samples.size(); ++i) {
    if (samples[i] / 1000 != samples[i - 1] / 1000) ++changes;
  }
  EXPECT_NEAR(static_cast<double>(changes), 3000, 200);  // three in four neighbours are of another slice
}

TEST(DataOrder, NeedsSamples) {
  EXPECT_THROW(DataOrder({}, {}), Error);
  EXPECT_THROW(DataOrder({0, 0}, {}), Error);
}

}  // namespace
}  // namespace dfm::data
