// The arithmetic of core/philox.h, for processors and GPUs alike: kernels in src/cuda include it, so that
// their numbers are the same. To be compiled without contraction of a*b+c: the normal transform must not
// depend on whether there is a fused multiply-add.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#ifdef __CUDACC__
#define DFM_HOST_DEVICE __host__ __device__
#else
#define DFM_HOST_DEVICE
#endif

namespace dfm::philox {

struct Words {
  std::uint32_t value[4];
};

struct Key {
  std::uint32_t low, high;
};

struct Product {
  std::uint32_t high, low;
};

DFM_HOST_DEVICE inline Product multiply(std::uint32_t a, std::uint32_t b) {
  const std::uint64_t product = static_cast<std::uint64_t>(a) * b;
  return {static_cast<std::uint32_t>(product >> 32U), static_cast<std::uint32_t>(product)};
}

// Philox4x32-10.
DFM_HOST_DEVICE inline Words block(Words counter, Key key) {
  constexpr std::uint32_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
  constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
  constexpr int kRounds = 10;
  for (int round = 0; round < kRounds; ++round) {
    const Product first = multiply(kMultiplier0, counter.value[0]);
    const Product second = multiply(kMultiplier1, counter.value[2]);
    counter = {{second.high ^ counter.value[1] ^ key.low, second.low,
                first.high ^ counter.value[3] ^ key.high, first.low}};
    key = {key.low + kWeyl0, key.high + kWeyl1};
  }
  return counter;
}

// Four words for the elements 4 index to 4 index + 3 of a stream's thing.
DFM_HOST_DEVICE inline Words block_of(std::uint64_t index, std::uint64_t thing, Key key) {
  return block({{static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32U),
                 static_cast<std::uint32_t>(thing), static_cast<std::uint32_t>(thing >> 32U)}},
               key);
}

DFM_HOST_DEVICE inline std::uint64_t mix(std::uint64_t x) {  // finaliser of splitmix64
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31U);
}

DFM_HOST_DEVICE inline Key key_of(std::uint64_t seed, std::uint32_t stream) {
  const std::uint64_t mixed = mix(mix(seed) + stream);
  return {static_cast<std::uint32_t>(mixed), static_cast<std::uint32_t>(mixed >> 32U)};
}

// Natural logarithm for x in (0, 1], polynomial of Cephes logf. Exact operations only, so that the bits are
// the same everywhere.
DFM_HOST_DEVICE inline float log_unit(float x) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &x, sizeof bits);
  int exponent = static_cast<int>(bits >> 23U) - 126;
  bits = (bits & 0x007FFFFFU) | 0x3F000000U;
  float m = 0;  // in [0.5, 1)
  std::memcpy(&m, &bits, sizeof m);
  const bool small = m < 0.707106781186547524F;
  exponent -= small ? 1 : 0;
  m = small ? m + m - 1.0F : m - 1.0F;
  const float z = m * m;
  const float coefficients[] = {-1.1514610310E-1F, 1.1676998740E-1F, -1.2420140846E-1F, 1.4249322787E-1F,
                                -1.6668057665E-1F, 2.0000714765E-1F, -2.4999993993E-1F, 3.3333331174E-1F};
  float y = 7.0376836292E-2F;
  for (const float c : coefficients) y = y * m + c;
  const auto e = static_cast<float>(exponent);
  return m + (y * m * z + e * -2.12194440E-4F - 0.5F * z) + e * 0.693359375F;
}

struct SineCosine {
  float sine, cosine;
};

// Sine and cosine of 2 pi u for u in [0, 1): octant reduction in the exact domain, then Cephes sinf/cosf.
DFM_HOST_DEVICE inline SineCosine sine_cosine_of_turn(float u) {
  constexpr float kPi = 3.14159265358979323846F;
  const auto quadrant = static_cast<int>(u * 4.0F + 0.5F);  // nearest quarter turn, 0..4
  const float angle = (u - static_cast<float>(quadrant) * 0.25F) * (2.0F * kPi);
  const float z = angle * angle;
  const float s = ((-1.9515295891E-4F * z + 8.3321608736E-3F) * z - 1.6666654611E-1F) * z * angle + angle;
  const float c = ((2.443315711809948E-5F * z - 1.388731625493765E-3F) * z + 4.166664568298827E-2F) * z * z -
                  0.5F * z + 1.0F;
  const bool swaps = (quadrant & 1) != 0;
  const float sine = swaps ? c : s;
  const float cosine = swaps ? s : c;
  return {(quadrant & 2) != 0 ? -sine : sine, ((quadrant + 1) & 2) != 0 ? -cosine : cosine};
}

DFM_HOST_DEVICE inline float open_unit(std::uint32_t bits) {
  return (static_cast<float>(bits >> 8U) + 0.5F) * 5.9604644775390625e-8F;  // 2^-24
}

// Two words make two normals; the words of one block make four.
DFM_HOST_DEVICE inline void normals_of(const Words& words, float* out) {
  for (int pair = 0; pair < 2; ++pair) {
    const float radius = std::sqrt(-2.0F * log_unit(open_unit(words.value[2 * pair])));
    const SineCosine turn = sine_cosine_of_turn(open_unit(words.value[2 * pair + 1]));
    out[2 * pair] = radius * turn.cosine;
    out[2 * pair + 1] = radius * turn.sine;
  }
}

}  // namespace dfm::philox
