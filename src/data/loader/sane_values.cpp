#include "data/loader/sane_values.h"

#include <algorithm>
#include <cmath>

namespace dfm::data {
namespace {

// Without the sign, floating-point numbers are ordered as the integers of the same bits are; infinities and
// NaN are the greatest. Signed integers, for which every processor has a vector maximum.
template <class Bits>
Bits greatest_magnitude(const Array& array, Bits magnitude_mask) {
  const std::span<const Bits> elements = array.as<Bits>();
  Bits greatest = 0;
#pragma omp simd reduction(max : greatest)
  for (std::size_t i = 0; i < elements.size(); ++i)
    greatest = std::max<Bits>(greatest, static_cast<Bits>(elements[i] & magnitude_mask));
  return greatest;
}

}  // namespace

bool are_sane(const Array& array) {
  constexpr std::int16_t kMask16 = 0x7FFF, kBfloat16Thousand = 0x447A, kFloat16Thousand = 0x63D0;
  constexpr std::int32_t kMask32 = 0x7FFFFFFF, kFloat32Thousand = 0x447A0000;
  switch (array.dtype) {
    case DType::bfloat16:
      return greatest_magnitude(array, kMask16) <= kBfloat16Thousand;
    case DType::float16:
      return greatest_magnitude(array, kMask16) <= kFloat16Thousand;
    case DType::float32:
      return greatest_magnitude(array, kMask32) <= kFloat32Thousand;
    default:
      return std::ranges::all_of(to_floats(array),
                                 [](float x) { return std::fabs(x) <= kGreatestMagnitude; });
  }
}

}  // namespace dfm::data
