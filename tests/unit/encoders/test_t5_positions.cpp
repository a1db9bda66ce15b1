// Buckets of distances against the formula of T5's code, in double precision: for both directions half of the
// buckets, of those half for one distance each, then min(b - 1, e + floor(log(d / e) / log(far / e) (b -
// e))).
#include <cmath>

#include <gtest/gtest.h>

#include "encoders/t5_positions.h"
#include "unit/encoders/t5_config.h"

namespace dfm::encoders {
namespace {

using dfm::testing::shape_of;
using dfm::testing::small_t5_config;

T5Shape shape_with(std::int64_t buckets, std::int64_t far) {
  Json config = small_t5_config();
  config["relative_attention_num_buckets"] = buckets;
  config["relative_attention_max_distance"] = far;
  return shape_of(config);
}

std::int64_t bucket(const at::Tensor& buckets, std::int64_t distance) {
  return buckets[(buckets.numel() - 1) / 2 + distance].item<std::int64_t>();
}

// Nothing where rounding may decide.
std::optional<std::int64_t> expected(const T5Shape& shape, std::int64_t distance) {
  const std::int64_t half = shape.buckets / 2, exact = half / 2, size = std::abs(distance);
  const std::int64_t begin = distance > 0 ? half : 0;
  if (size < exact) return begin + size;
  const double place = std::log(static_cast<double>(size) / static_cast<double>(exact)) /
                       std::log(static_cast<double>(shape.far) / static_cast<double>(exact)) *
                       static_cast<double>(half - exact);
  if (std::abs(place - std::round(place)) < 1e-5) return {};
  return begin + std::min(half - 1, exact + static_cast<std::int64_t>(place));
}

TEST(T5Positions, FollowTheFormula) {
  for (const T5Shape& shape : {shape_with(32, 128), shape_with(16, 24), shape_with(4, 2)}) {
    const at::Tensor buckets = t5_buckets(shape, 300);
    for (std::int64_t distance = -299; distance < 300; ++distance) {
      const auto wanted = expected(shape, distance);
      EXPECT_EQ(bucket(buckets, distance), wanted.value_or(bucket(buckets, distance))) << distance;
    }
  }
}

TEST(T5Positions, ShareOneBucketFarAway) {
  const at::Tensor buckets = t5_buckets(shape_with(32, 128), 1000);
  EXPECT_EQ(bucket(buckets, 129), 31);
  EXPECT_EQ(bucket(buckets, 999), 31);
  EXPECT_EQ(bucket(buckets, -999), 15);
}

TEST(T5Positions, GiveEachPairOfTokensTheNumberOfItsDistance) {
  const T5Shape shape = shape_with(32, 128);
  const at::Tensor table = at::arange(64, at::kFloat).view({32, 2}), buckets = t5_buckets(shape, 20);
  const at::Tensor bias = t5_bias(table, buckets);
  EXPECT_EQ(bias.sizes(), (at::IntArrayRef{2, 20, 20}));
  for (const auto& [query, key] : {std::pair{0, 0}, {0, 19}, {19, 0}, {7, 9}, {9, 7}})
    EXPECT_TRUE(bias.select(2, key).select(1, query).equal(table[bucket(buckets, key - query)]));
}

TEST(T5Positions, OfOneTokenAreOneDistance) { EXPECT_EQ(t5_buckets(shape_with(32, 128), 1).numel(), 1); }

}  // namespace
}  // namespace dfm::encoders
