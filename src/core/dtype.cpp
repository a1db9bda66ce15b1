#include "core/dtype.h"

#include <array>
#include <cmath>
#include <string>

#include "core/error.h"

namespace dfm {
namespace {

struct Row {
  DType dtype;
  std::size_t bytes;
  std::string_view name;
};

constexpr std::array kRows{
    Row{DType::float32, 4, "float32"}, Row{DType::float16, 2, "float16"}, Row{DType::bfloat16, 2, "bfloat16"},
    Row{DType::float64, 8, "float64"}, Row{DType::int64, 8, "int64"},     Row{DType::int32, 4, "int32"},
    Row{DType::int16, 2, "int16"},     Row{DType::int8, 1, "int8"},       Row{DType::uint8, 1, "uint8"},
    Row{DType::boolean, 1, "bool"},
};

const Row& row_of(DType dtype) { return kRows.at(static_cast<std::size_t>(dtype)); }

}  // namespace

std::size_t size_of(DType dtype) { return row_of(dtype).bytes; }

std::string_view name_of(DType dtype) { return row_of(dtype).name; }

DType dtype_from_name(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return row.dtype;
  }
  throw data_error("element type '" + std::string(name) + "' is not known");
}

float float16_to_float(std::uint16_t bits) {
  const bool negative = (bits & 0x8000U) != 0;
  const int exponent = (bits >> 10U) & 0x1F;
  const int mantissa = bits & 0x3FF;
  float value = 0;
  if (exponent == 31) {
    value = mantissa == 0 ? HUGE_VALF : NAN;
  } else if (exponent == 0) {
    value = std::ldexp(static_cast<float>(mantissa), -24);
  } else {
    value = std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
  }
  return negative ? -value : value;
}

std::uint16_t float_to_float16(float value) {
  const std::uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const float magnitude = std::fabs(value);
  if (std::isnan(value)) return sign | 0x7E00;
  if (magnitude >= 65520.0F) return sign | 0x7C00;
  if (magnitude < 0x1p-14F) {  // subnormal: a multiple of 2^-24, rounded to nearest even
    return sign | static_cast<std::uint16_t>(std::nearbyint(std::ldexp(magnitude, 24)));
  }
  const auto bits = std::bit_cast<std::uint32_t>(magnitude);
  const std::uint32_t rounded = bits + 0xFFFU + ((bits >> 13U) & 1U);
  return sign | static_cast<std::uint16_t>((rounded - (112U << 23U)) >> 13U);
}

}  // namespace dfm
