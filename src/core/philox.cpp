// Compiled without contraction of a*b+c (see CMakeLists.txt): the normal transform must not depend on whether
// a CPU has fused multiply-add.
#include "core/philox.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

#include "core/hash.h"

namespace dfm {
namespace {

constexpr std::uint32_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
constexpr int kRounds = 10;

struct Product {
  std::uint32_t high, low;
};

Product multiply(std::uint32_t a, std::uint32_t b) {
  const std::uint64_t product = static_cast<std::uint64_t>(a) * b;
  return {static_cast<std::uint32_t>(product >> 32), static_cast<std::uint32_t>(product)};
}

// Natural logarithm for x in (0, 1], polynomial of Cephes logf. Exact operations only, so that the bits are
// the same everywhere.
float log_unit(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  int exponent = static_cast<int>(bits >> 23) - 126;
  float m = std::bit_cast<float>((bits & 0x007FFFFFU) | 0x3F000000U);  // in [0.5, 1)
  const bool small = m < 0.707106781186547524F;
  exponent -= small ? 1 : 0;
  m = small ? m + m - 1.0F : m - 1.0F;
  const float z = m * m;
  float y = 7.0376836292E-2F;
  for (const float c : {-1.1514610310E-1F, 1.1676998740E-1F, -1.2420140846E-1F, 1.4249322787E-1F,
                        -1.6668057665E-1F, 2.0000714765E-1F, -2.4999993993E-1F, 3.3333331174E-1F}) {
    y = y * m + c;
  }
  const auto e = static_cast<float>(exponent);
  return m + (y * m * z + e * -2.12194440E-4F - 0.5F * z) + e * 0.693359375F;
}

struct SineCosine {
  float sine, cosine;
};

// Sine and cosine of 2 pi u for u in [0, 1): octant reduction in the exact domain, then Cephes sinf/cosf.
SineCosine sine_cosine_of_turn(float u) {
  const auto quadrant = static_cast<int>(u * 4.0F + 0.5F);  // nearest quarter turn, 0..4
  const float angle = (u - static_cast<float>(quadrant) * 0.25F) * (2.0F * std::numbers::pi_v<float>);
  const float z = angle * angle;
  const float s = ((-1.9515295891E-4F * z + 8.3321608736E-3F) * z - 1.6666654611E-1F) * z * angle + angle;
  const float c = ((2.443315711809948E-5F * z - 1.388731625493765E-3F) * z + 4.166664568298827E-2F) * z * z -
                  0.5F * z + 1.0F;
  const bool swaps = (quadrant & 1) != 0;
  const float sine = swaps ? c : s;
  const float cosine = swaps ? s : c;
  return {(quadrant & 2) != 0 ? -sine : sine, ((quadrant + 1) & 2) != 0 ? -cosine : cosine};
}

float open_unit(std::uint32_t bits) { return (static_cast<float>(bits >> 8) + 0.5F) * 0x1p-24F; }

// Two words make two normals; the words of one block make four.
void normals_of_block(const std::array<std::uint32_t, 4>& words, float* out) {
  for (int pair = 0; pair < 2; ++pair) {
    const float radius = std::sqrt(-2.0F * log_unit(open_unit(words[2 * pair])));
    const SineCosine turn = sine_cosine_of_turn(open_unit(words[2 * pair + 1]));
    out[2 * pair] = radius * turn.cosine;
    out[2 * pair + 1] = radius * turn.sine;
  }
}

std::uint64_t mix(std::uint64_t x) {  // finaliser of splitmix64
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> counter,
                                           std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < kRounds; ++round) {
    const Product first = multiply(kMultiplier0, counter[0]);
    const Product second = multiply(kMultiplier1, counter[2]);
    counter = {second.high ^ counter[1] ^ key[0], second.low, first.high ^ counter[3] ^ key[1], first.low};
    key = {key[0] + kWeyl0, key[1] + kWeyl1};
  }
  return counter;
}

Philox::Philox(std::uint64_t seed, Stream stream, std::uint64_t key) : key_(key) {
  const std::uint64_t mixed = mix(mix(seed) + static_cast<std::uint32_t>(stream));
  philox_key_ = {static_cast<std::uint32_t>(mixed), static_cast<std::uint32_t>(mixed >> 32)};
}

std::array<std::uint32_t, 4> Philox::block(std::uint64_t index) const {
  return philox4x32_10({static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32),
                        static_cast<std::uint32_t>(key_), static_cast<std::uint32_t>(key_ >> 32)},
                       philox_key_);
}

std::uint32_t Philox::bits(std::uint64_t element) const { return block(element / 4)[element % 4]; }

double Philox::uniform(std::uint64_t element) const {
  return (static_cast<double>(bits(element)) + 0.5) * 0x1p-32;
}

float Philox::normal(std::uint64_t element) const {
  std::array<float, 4> four;
  normals_of_block(block(element / 4), four.data());
  return four[element % 4];
}

void Philox::normals(std::uint64_t first, std::span<float> out) const {
  std::size_t done = 0;
  while (done < out.size() && (first + done) % 4 != 0) {
    out[done] = normal(first + done);
    ++done;
  }
  for (; done + 4 <= out.size(); done += 4) normals_of_block(block((first + done) / 4), &out[done]);
  for (; done < out.size(); ++done) out[done] = normal(first + done);
}

std::uint64_t Philox::below(std::uint64_t bound, std::uint64_t element) const {
  const auto words = block(element);
  const std::uint64_t wide = (static_cast<std::uint64_t>(words[1]) << 32) | words[0];
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(wide) * bound) >> 64);
}

std::uint64_t name_key(std::string_view name) { return hash64(name); }

}  // namespace dfm
