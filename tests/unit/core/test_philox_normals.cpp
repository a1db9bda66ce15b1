#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include <gtest/gtest.h>

#include "core/philox.h"
#include "support/seed.h"

namespace dfm {
namespace {

constexpr std::size_t kMany = 1'000'000;

std::vector<float> many_normals(std::uint64_t seed, std::uint64_t key = 0) {
  std::vector<float> values(kMany);
  Philox(seed, Stream::noise, key).normals(0, values);
  return values;
}

TEST(Normals, ARangeHoldsTheElementsOneByOneForAnyStartAndLength) {
  const Philox philox(testing::announced_seed(), Stream::noise, 11);
  for (const std::uint64_t first : {0ULL, 1ULL, 2ULL, 3ULL, 4ULL, 1001ULL, (1ULL << 34U) - 2, ~0ULL - 40}) {
    for (std::size_t length = 0; length <= 18; ++length) {
      std::vector<float> range(length);
      philox.normals(first, range);
      for (std::size_t i = 0; i < length; ++i) {
        ASSERT_EQ(range[i], philox.normal(first + i)) << "element " << first << " + " << i;
      }
    }
  }
}

// The transform in double precision, from the words. Its uniform number is the float nearest to (word / 2^8 +
// 0.5) / 2^24.
double reference_normal(const Philox& philox, std::uint64_t element) {
  const auto unit = [&](std::uint64_t at) {
    return static_cast<double>(static_cast<float>((philox.bits(at) >> 8U) + 0.5)) * 0x1p-24;
  };
  const std::uint64_t pair = element / 2 * 2;
  const double radius = std::sqrt(-2 * std::log(unit(pair)));
  const double angle = 2 * std::numbers::pi * unit(pair + 1);
  return radius * (element % 2 == 0 ? std::cos(angle) : std::sin(angle));
}

TEST(Normals, AgreeWithBoxMullerInDoublePrecision) {
  const std::uint64_t seed = testing::announced_seed();
  const std::vector<float> values = many_normals(seed);
  const Philox philox(seed, Stream::noise, 0);
  double greatest_error = 0;
  for (std::size_t i = 0; i < kMany; ++i) {
    greatest_error = std::max(greatest_error, std::fabs(values[i] - reference_normal(philox, i)));
  }
  EXPECT_LT(greatest_error, 2e-6);
}

TEST(Normals, HaveTheMomentsOfTheNormalDistribution) {
  std::array<double, 5> sums{};
  for (const double x : many_normals(testing::announced_seed())) {
    for (int power = 1; power <= 4; ++power) sums[power] += std::pow(x, power);
  }
  const double n = kMany;  // bounds: five standard errors of each moment
  EXPECT_NEAR(sums[1] / n, 0, 5 * std::sqrt(1 / n));
  EXPECT_NEAR(sums[2] / n, 1, 5 * std::sqrt(2 / n));
  EXPECT_NEAR(sums[3] / n, 0, 5 * std::sqrt(15 / n));
  EXPECT_NEAR(sums[4] / n, 3, 5 * std::sqrt(96 / n));
}

TEST(Normals, AreNearTheNormalDistributionEverywhere) {
  std::vector<float> values = many_normals(testing::announced_seed());
  std::ranges::sort(values);
  double distance = 0;  // Kolmogorov-Smirnov
  for (std::size_t i = 0; i < kMany; ++i) {
    const double expected = 0.5 * std::erfc(-values[i] / std::numbers::sqrt2);
    distance = std::max({distance, std::fabs(expected - static_cast<double>(i) / kMany),
                         std::fabs(expected - static_cast<double>(i + 1) / kMany)});
  }
  EXPECT_LT(distance * std::sqrt(kMany), 2.7);  // exceeded once in a million runs
}

TEST(Normals, NeighboursAndKeysAreNotCorrelated) {
  const std::uint64_t seed = testing::announced_seed();
  const std::vector<float> values = many_normals(seed), others = many_normals(seed, 1);
  std::array<double, 4> with_next{};
  double with_other = 0;
  for (std::size_t i = 0; i + 4 < kMany; ++i) {
    for (std::size_t lag = 1; lag <= 4; ++lag) with_next[lag - 1] += values[i] * values[i + lag];
    with_other += values[i] * others[i];
  }
  for (const double sum : with_next) EXPECT_LT(std::fabs(sum), 5 * std::sqrt(kMany));
  EXPECT_LT(std::fabs(with_other), 5 * std::sqrt(kMany));
}

// The reproducibility contract: these bits are a record of the first release, not a result from elsewhere.
// Whatever changes them changes every run and every sample ever drawn with a seed.
TEST(Normals, KeepTheBitsOfTheRecord) {
  struct Row {
    std::uint64_t seed;
    Stream stream;
    std::uint64_t key, element;
    std::uint32_t bits;
  };
  for (const Row& row : {
           Row{0U, Stream::weights, 0U, 0U, 0x3ec3688b},
           Row{0U, Stream::weights, 0U, 1U, 0xbf07dc90},
           Row{0U, Stream::weights, 0U, 2U, 0x3fa43389},
           Row{0U, Stream::weights, 0U, 3U, 0x3ba24080},
           Row{1234U, Stream::weights, 3244421341483603138U, 17U, 0xbeab92c0},
           Row{1234U, Stream::noise, 42U, 1000003U, 0xbfbcf9c8},
           Row{1234U, Stream::noise, 42U, 1099511627777U, 0x3ed0b2b9},
           Row{1U, Stream::sampling_noise, 7U, 65535U, 0xbf20077d},
           Row{18446744073709551615U, Stream::text_embedding, 18446744073709551615U, 1023U, 0x4013e12e},
           Row{99U, Stream::validation_noise, 3U, 5U, 0x3f980dc2},
       }) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(Philox(row.seed, row.stream, row.key).normal(row.element)),
              row.bits)
        << "seed " << row.seed << " element " << row.element;
  }
}

}  // namespace
}  // namespace dfm
