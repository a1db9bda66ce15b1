#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "core/philox.h"
#include "support/seed.h"

namespace dfm {
namespace {

using Words = std::array<std::uint32_t, 4>;

// kat_vectors of Random123 (github.com/DEShawResearch/random123), philox4x32 with 10 rounds.
TEST(Philox, GivesTheKnownAnswerForZeros) {
  EXPECT_EQ(philox4x32_10({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
}

TEST(Philox, GivesTheKnownAnswerForOnes) {
  constexpr std::uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(philox4x32_10({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
}

TEST(Philox, GivesTheKnownAnswerForTheDigitsOfPi) {
  EXPECT_EQ(philox4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// splitmix64 (Vigna); its published first output for the state 0 is 0xe220a8397b1dcdaf.
std::uint64_t splitmix64(std::uint64_t state) {
  std::uint64_t z = state + 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

TEST(Philox, ElementsAreTheWordsOfTheBlocksOfTheirSeedStreamAndKey) {
  ASSERT_EQ(splitmix64(0), 0xe220a8397b1dcdafU);
  const std::uint64_t seed = 1234, key = 0x0123456789abcdef, first = (std::uint64_t{7} << 34) + 8;
  const std::uint64_t mixed = splitmix64(splitmix64(seed) + 3);
  const Words words =
      philox4x32_10({2, 7, 0x89abcdef, 0x01234567},  // 4 * (7 * 2^32 + 2) is the first element
                    {static_cast<std::uint32_t>(mixed), static_cast<std::uint32_t>(mixed >> 32)});
  const Philox philox(seed, Stream::noise, key);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(philox.bits(first + i), words[i]);
}

TEST(Philox, SeedsStreamsKeysAndBlocksDoNotCollide) {
  std::set<std::pair<std::uint64_t, std::uint64_t>> blocks;
  std::size_t drawn = 0;
  for (const std::uint64_t seed : {0ULL, 1ULL, 2ULL, 1ULL << 32U, ~0ULL}) {
    for (std::uint32_t stream = 1; stream <= 10; ++stream) {
      for (const std::uint64_t key : {0ULL, 1ULL, 2ULL, 3ULL, 1ULL << 32U, 1ULL << 63U}) {
        const Philox philox(seed, static_cast<Stream>(stream), key);
        for (const std::uint64_t element : {0ULL, 4ULL, 8ULL, 1ULL << 34U, 1ULL << 62U}) {
          const auto word = [&](int i) { return std::uint64_t{philox.bits(element + i)}; };
          blocks.emplace(word(0) << 32U | word(1), word(2) << 32U | word(3));
          ++drawn;
        }
      }
    }
  }
  EXPECT_EQ(blocks.size(), drawn);
}

TEST(Philox, UniformNumbersStayInsideTheOpenUnitIntervalAndFillIt) {
  const std::uint64_t seed = testing::announced_seed();
  const Philox philox(seed, Stream::mock_data, 0);
  constexpr int kCount = 1'000'000;
  double sum = 0, least = 1, greatest = 0;
  for (int i = 0; i < kCount; ++i) {
    const double u = philox.uniform(i);
    sum += u;
    least = std::min(least, u);
    greatest = std::max(greatest, u);
  }
  EXPECT_GT(least, 0.0);
  EXPECT_LT(greatest, 1.0);
  EXPECT_LT(least, 2e-5);
  EXPECT_GT(greatest, 1 - 2e-5);
  EXPECT_NEAR(sum / kCount, 0.5, 5 * 0.2887 / 1000);  // five standard errors
}

TEST(Philox, BelowStaysBelowItsBound) {
  const std::uint64_t seed = testing::announced_seed();
  const Philox philox(seed, Stream::data_order, 3);
  for (const std::uint64_t bound : {1ULL, 2ULL, 3ULL, 10ULL, 4294967295ULL, 4294967297ULL, ~0ULL}) {
    for (std::uint64_t element = 0; element < 2000; ++element) ASSERT_LT(philox.below(bound, element), bound);
  }
}

TEST(Philox, BelowIsUniform) {
  const std::uint64_t seed = testing::announced_seed();
  const Philox philox(seed, Stream::data_order, 4);
  constexpr int kBound = 10, kCount = 200'000;
  std::array<int, kBound> counts{};
  for (std::uint64_t element = 0; element < kCount; ++element) ++counts.at(philox.below(kBound, element));
  double chi_squared = 0;
  for (const int count : counts) {
    const double expected = static_cast<double>(kCount) / kBound;
    chi_squared += (count - expected) * (count - expected) / expected;
  }
  EXPECT_LT(chi_squared, 45.1);  // exceeded once in a million runs, with nine degrees of freedom
}

TEST(Philox, BelowReachesBothEndsOfALargeRange) {
  const std::uint64_t seed = testing::announced_seed();
  const Philox philox(seed, Stream::data_order, 5);
  constexpr std::uint64_t kBound = 1ULL << 63U;
  std::uint64_t least = ~0ULL, greatest = 0;
  for (std::uint64_t element = 0; element < 1000; ++element) {
    least = std::min(least, philox.below(kBound, element));
    greatest = std::max(greatest, philox.below(kBound, element));
  }
  EXPECT_LT(least, kBound / 25);
  EXPECT_GT(greatest, kBound / 25 * 24);
}

TEST(Philox, NamesHaveKeysOfTheirOwn) {
  EXPECT_NE(name_key("decoder.layers.0.weight"), name_key("decoder.layers.1.weight"));
  EXPECT_EQ(name_key(""), 0x2d06800538d394c2U);  // XXH3 of nothing, from the xxHash specification
}

}  // namespace
}  // namespace dfm
