// Aspect-ratio buckets: steps of one bucket, each sample exactly once an epoch, a function of positions
// alone.
#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "data/loader/bucket_order.h"
#include "support/seed.h"

namespace dfm::data {
namespace {

const std::vector<std::int64_t> kShards{50, 0, 47};
constexpr std::int64_t kEpoch = 97;

BucketOrder order_of(BucketSettings settings, BucketOrder::BucketOf bucket_of) {
  return {SampleOrder(kShards, {}, {7, 8, 2}), settings, std::move(bucket_of)};
}

std::int64_t third(std::int64_t sample) { return sample % 3; }

std::set<std::int64_t> buckets_of_step(BucketOrder& order, std::int64_t first, std::int64_t batch) {
  std::set<std::int64_t> buckets;
  for (std::int64_t i = 0; i < batch; ++i) buckets.insert(third(order.sample_at(first + i)));
  return buckets;
}

TEST(BucketOrder, TakesEachSampleExactlyOnceAnEpoch) {
  for (const std::int64_t batch : {1, 4, 13, 97, 200}) {
    for (const std::int64_t window : {1, 16, 64, 1000}) {
      BucketOrder order = order_of({window, batch}, third);
      for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
        std::set<std::int64_t> seen;
        for (std::int64_t i = 0; i < kEpoch; ++i) seen.insert(order.sample_at(epoch * kEpoch + i));
        EXPECT_EQ(std::ssize(seen), kEpoch) << "window " << window << ", batch " << batch;
      }
    }
  }
}

TEST(BucketOrder, FillsStepsFromOneBucketAsFarAsThereAreEnough) {
  constexpr std::int64_t kBatch = 5;
  BucketOrder order = order_of({kEpoch, kBatch}, third);
  for (const std::int64_t epoch : {0, 1, 2}) {
    std::int64_t pure = 0;
    const std::int64_t first_step = (epoch * kEpoch + kBatch - 1) / kBatch * kBatch;
    for (std::int64_t at = first_step; at + kBatch <= (epoch + 1) * kEpoch; at += kBatch)
      pure += buckets_of_step(order, at, kBatch).size() == 1 ? 1 : 0;
    EXPECT_GE(pure, 15) << "of 19 steps of epoch "
                        << epoch;  // at most one rest a bucket, and one broken batch
  }
}

TEST(BucketOrder, DoesNotDependOnWhereReadingBegins) {
  const auto seed = dfm::testing::announced_seed();
  std::mt19937 random(seed);
  BucketOrder in_turn = order_of({32, 8}, third);
  std::map<std::int64_t, std::int64_t> expected;
  for (std::int64_t i = 0; i < 4 * kEpoch; ++i) expected[i] = in_turn.sample_at(i);
  BucketOrder jumping = order_of({32, 8}, third);
  for (int i = 0; i < 500; ++i) {
    const auto position = static_cast<std::int64_t>(random() % (4 * kEpoch));
    EXPECT_EQ(jumping.sample_at(position), expected.at(position)) << "position " << position;
  }
}

TEST(BucketOrder, ChangesNothingWhereThereIsOneBucketInWholeSteps) {
  BucketOrder order = order_of({16, 4}, [](std::int64_t) { return std::int64_t{0}; });
  DataOrder plain(kShards, {7, 8, 2});
  for (std::int64_t i = 0; i < 96; ++i) EXPECT_EQ(order.sample_at(i), plain.sample_at(i)) << i;
}

}  // namespace
}  // namespace dfm::data
