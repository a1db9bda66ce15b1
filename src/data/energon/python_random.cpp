#include "data/energon/python_random.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <utility>

namespace dfm::data {
namespace {

constexpr std::size_t kStateWords = 624;
constexpr std::size_t kMiddleWord = 397;

class MersenneTwister {
 public:
  explicit MersenneTwister(std::uint32_t key) {
    initialise(19650218U);
    // init_by_array with one word: the first pass adds key + 0 to each word, the second subtracts the word's
    // index.
    for (std::size_t step = 0, i = 1; step < kStateWords; ++step) {
      state_[i] = (state_[i] ^ (mix(state_[i - 1]) * 1664525U)) + key;
      i = next_index(i);
    }
    for (std::size_t step = 1, i = 2; step < kStateWords; ++step) {
      state_[i] = (state_[i] ^ (mix(state_[i - 1]) * 1566083941U)) - static_cast<std::uint32_t>(i);
      i = next_index(i);
    }
    state_[0] = 0x80000000U;
  }

  std::uint32_t next() {
    if (position_ == kStateWords) twist();
    std::uint32_t y = state_[position_++];
    y ^= y >> 11U;
    y ^= (y << 7U) & 0x9d2c5680U;
    y ^= (y << 15U) & 0xefc60000U;
    return y ^ (y >> 18U);
  }

 private:
  static std::uint32_t mix(std::uint32_t word) { return word ^ (word >> 30U); }

  void initialise(std::uint32_t seed) {
    state_[0] = seed;
    for (std::size_t i = 1; i < kStateWords; ++i) {
      state_[i] = 1812433253U * mix(state_[i - 1]) + static_cast<std::uint32_t>(i);
    }
  }

  // Word 0 is never set directly: it takes over the last one.
  std::size_t next_index(std::size_t i) {
    if (i + 1 < kStateWords) return i + 1;
    state_[0] = state_[kStateWords - 1];
    return 1;
  }

  void twist() {
    for (std::size_t i = 0; i < kStateWords; ++i) {
      const std::uint32_t y = (state_[i] & 0x80000000U) | (state_[(i + 1) % kStateWords] & 0x7fffffffU);
      state_[i] = state_[(i + kMiddleWord) % kStateWords] ^ (y >> 1U) ^ ((y & 1U) != 0 ? 0x9908b0dfU : 0U);
    }
    position_ = 0;
  }

  std::array<std::uint32_t, kStateWords> state_{};
  std::size_t position_ = kStateWords;
};

// Uniform below `bound`: as many top bits as bound has, drawn again until they are below it.
std::size_t draw_below(MersenneTwister& generator, std::size_t bound) {
  const auto bits = static_cast<unsigned>(std::bit_width(bound));
  for (;;) {
    const std::size_t value = generator.next() >> (32U - bits);
    if (value < bound) return value;
  }
}

}  // namespace

std::vector<std::size_t> python_shuffle(std::size_t count, std::uint32_t seed) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  MersenneTwister generator(seed);
  for (std::size_t i = count; i-- > 1;) std::swap(order[i], order[draw_below(generator, i + 1)]);
  return order;
}

}  // namespace dfm::data
