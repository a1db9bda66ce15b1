#include "data/loader/sane_values.h"

#include <algorithm>
#include <cmath>

namespace dfm::data {
namespace {

// Without the sign, floating-point numbers are ordered as the integers of the same bits are; infinities and
// NaN are the greatest. Signed integers, for which every processor has a vector maximum.
// A row of running maxima as long as two vector registers: a single one would wait for itself at every turn.
template <class Bits>
[[gnu::always_inline]] inline Bits greatest_of(std::span<const std::byte> bytes, Bits magnitude_mask) {
  constexpr std::size_t kRow = 64 / sizeof(Bits);
  const std::span elements(reinterpret_cast<const Bits*>(bytes.data()), bytes.size() / sizeof(Bits));
  const auto magnitude = [&](std::size_t i) { return static_cast<Bits>(elements[i] & magnitude_mask); };
  Bits greatest[kRow] = {};
  std::size_t done = 0;
  for (; done + kRow <= elements.size(); done += kRow) {
#pragma omp simd
    for (std::size_t i = 0; i < kRow; ++i) greatest[i] = std::max(greatest[i], magnitude(done + i));
  }
  for (; done < elements.size(); ++done) greatest[0] = std::max(greatest[0], magnitude(done));
  return *std::ranges::max_element(greatest);
}

#if defined(__x86_64__)

template <class Bits>
__attribute__((target("avx2"))) Bits greatest_by_avx2(std::span<const std::byte> bytes, Bits magnitude_mask) {
  return greatest_of(bytes, magnitude_mask);
}

#endif

template <class Bits>
Bits greatest_magnitude(std::span<const std::byte> bytes, Bits magnitude_mask) {
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (has_avx2) return greatest_by_avx2(bytes, magnitude_mask);
#endif
  return greatest_of(bytes, magnitude_mask);
}

}  // namespace

bool are_sane(DType dtype, std::span<const std::byte> elements) {
  constexpr std::int16_t kMask16 = 0x7FFF, kBfloat16Thousand = 0x447A, kFloat16Thousand = 0x63D0;
  constexpr std::int32_t kMask32 = 0x7FFFFFFF, kFloat32Thousand = 0x447A0000;
  switch (dtype) {
    case DType::bfloat16:
      return greatest_magnitude(elements, kMask16) <= kBfloat16Thousand;
    case DType::float16:
      return greatest_magnitude(elements, kMask16) <= kFloat16Thousand;
    case DType::float32:
      return greatest_magnitude(elements, kMask32) <= kFloat32Thousand;
    default:
      return std::ranges::all_of(to_floats({dtype,
                                            {static_cast<std::int64_t>(elements.size() / size_of(dtype))},
                                            {elements.begin(), elements.end()}}),
                                 [](float x) { return std::fabs(x) <= kGreatestMagnitude; });
  }
}

}  // namespace dfm::data
