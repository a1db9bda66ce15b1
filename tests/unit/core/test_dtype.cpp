#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "core/dtype.h"
#include "support/errors.h"

namespace dfm {
namespace {

// A sixteen-bit format: its numbers by the definition of IEEE 754, its conversions as they are tested here.
struct Format {
  int mantissa_bits, exponent_bits;
  float (*to_float)(std::uint16_t);
  std::uint16_t (*from_float)(float);

  int largest_exponent() const { return (1 << exponent_bits) - 1; }
  int bias() const { return largest_exponent() / 2; }
  std::uint16_t infinity() const { return static_cast<std::uint16_t>(largest_exponent() << mantissa_bits); }
};

constexpr Format kHalf{10, 5, float16_to_float, float_to_float16};
constexpr Format kBrain{7, 8, bfloat16_to_float, float_to_bfloat16};

// The value of a bit pattern as a double, which holds all of them exactly. Infinity counts as the next power
// of two.
double value_of(const Format& format, std::uint16_t bits) {
  const int mantissa = bits & ((1 << format.mantissa_bits) - 1);
  const int exponent = (bits >> format.mantissa_bits) & format.largest_exponent();
  const double magnitude = exponent == 0 ? std::ldexp(mantissa, 1 - format.bias() - format.mantissa_bits)
                                         : std::ldexp(mantissa + (1 << format.mantissa_bits),
                                                      exponent - format.bias() - format.mantissa_bits);
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

bool is_nan(const Format& format, std::uint16_t bits) { return (bits & 0x7FFF) > format.infinity(); }

class SixteenBits : public ::testing::TestWithParam<Format> {};

INSTANTIATE_TEST_SUITE_P(Formats, SixteenBits, ::testing::Values(kHalf, kBrain), [](const auto& format) {
  return format.param.mantissa_bits == 10 ? "Half" : "Brain";
});

TEST_P(SixteenBits, EveryPatternHasTheValueOfItsDefinition) {
  const Format format = GetParam();
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = format.to_float(static_cast<std::uint16_t>(bits));
    if (is_nan(format, bits)) {
      ASSERT_TRUE(std::isnan(value)) << bits;
    } else if ((bits & 0x7FFF) == format.infinity()) {
      ASSERT_TRUE(std::isinf(value)) << bits;
      ASSERT_EQ(std::signbit(value), bits >= 0x8000) << bits;
    } else {
      ASSERT_EQ(value, value_of(format, bits)) << bits;
      ASSERT_EQ(std::signbit(value), bits >= 0x8000) << bits;
    }
  }
}

TEST_P(SixteenBits, EveryPatternComesBackFromItsValue) {
  const Format format = GetParam();
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    if (is_nan(format, bits)) continue;
    ASSERT_EQ(format.from_float(format.to_float(static_cast<std::uint16_t>(bits))), bits);
  }
}

TEST_P(SixteenBits, NotANumberStaysNotANumber) {
  const Format format = GetParam();
  for (const std::uint32_t bits : {0x7FC00000U, 0xFFC00000U, 0x7F800001U, 0x7FFFFFFFU, 0xFF800001U}) {
    EXPECT_TRUE(is_nan(format, format.from_float(std::bit_cast<float>(bits)))) << bits;
  }
}

TEST_P(SixteenBits, RoundsToTheNearestAndTiesToTheEvenNeighbour) {
  const Format format = GetParam();
  for (std::uint32_t bits = 0; bits < format.infinity(); ++bits) {
    const auto low = static_cast<std::uint16_t>(bits), high = static_cast<std::uint16_t>(bits + 1);
    const double middle = (value_of(format, low) + value_of(format, high)) / 2;
    const auto tie = static_cast<float>(middle);
    ASSERT_EQ(static_cast<double>(tie), middle) << bits;
    for (const std::uint16_t sign : {0x0000, 0x8000}) {
      const float direction = sign == 0 ? 1.0F : -1.0F;
      const auto expect = [&](float magnitude, std::uint16_t expected) {
        ASSERT_EQ(format.from_float(direction * magnitude), expected | sign) << magnitude;
      };
      expect(tie, bits % 2 == 0 ? low : high);
      expect(std::nextafter(tie, 0.0F), low);
      expect(std::nextafter(tie, std::numeric_limits<float>::infinity()), high);
    }
  }
}

TEST_P(SixteenBits, WhatIsTooLargeBecomesInfinity) {
  const Format format = GetParam();
  EXPECT_EQ(format.from_float(std::numeric_limits<float>::max()), format.infinity());
  EXPECT_EQ(format.from_float(-std::numeric_limits<float>::infinity()), format.infinity() | 0x8000);
}

TEST_P(SixteenBits, WhatIsTooSmallBecomesZeroOfItsSign) {
  const Format format = GetParam();
  EXPECT_EQ(format.from_float(std::numeric_limits<float>::denorm_min()), 0);
  EXPECT_EQ(format.from_float(-std::numeric_limits<float>::denorm_min()), 0x8000);
}

TEST(DType, NamesAndTypesBelongToEachOther) {
  constexpr int kTypes = static_cast<int>(DType::boolean) + 1;
  for (int i = 0; i < kTypes; ++i) {
    const auto dtype = static_cast<DType>(i);
    EXPECT_EQ(dtype_from_name(name_of(dtype)), dtype) << name_of(dtype);
  }
}

TEST(DType, SizesAreThoseOfTheTypes) {
  EXPECT_EQ(size_of(DType::float32), sizeof(float));
  EXPECT_EQ(size_of(DType::float16), 2U);
  EXPECT_EQ(size_of(DType::bfloat16), 2U);
  EXPECT_EQ(size_of(DType::float64), sizeof(double));
  EXPECT_EQ(size_of(DType::int64), 8U);
  EXPECT_EQ(size_of(DType::int32), 4U);
  EXPECT_EQ(size_of(DType::int16), 2U);
  EXPECT_EQ(size_of(DType::int8), 1U);
  EXPECT_EQ(size_of(DType::uint8), 1U);
  EXPECT_EQ(size_of(DType::boolean), 1U);
}

TEST(DType, AnUnknownNameIsADataErrorThatHoldsIt) {
  const Error error = testing::error_of([] { dtype_from_name("float8"); });
  EXPECT_EQ(error.kind(), ExitCode::data);
  EXPECT_NE(std::string(error.what()).find("float8"), std::string::npos);
}

}  // namespace
}  // namespace dfm
