// Element types as they travel through files and messages, independent of any tensor library.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace dfm {

enum class DType { float32, float16, bfloat16, float64, int64, int32, int16, int8, uint8, boolean };

std::size_t size_of(DType dtype);

// "float32", "bfloat16", ...: the spelling of configuration keys and manifests.
std::string_view name_of(DType dtype);
// Throws a data error for a name that is not known.
DType dtype_from_name(std::string_view name);

inline float bfloat16_to_float(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
}

// Round to nearest even; NaN stays NaN.
inline std::uint16_t float_to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return 0x7FC0;
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U);
}

float float16_to_float(std::uint16_t bits);
std::uint16_t float_to_float16(float value);

}  // namespace dfm
