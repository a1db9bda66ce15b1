#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "core/convert.h"
#include "support/errors.h"

namespace dfm {
namespace {

template <class To, class From>
std::vector<To> converted(const std::vector<From>& values, DType from, DType to) {
  std::vector<To> result(values.size());
  convert_elements(std::as_bytes(std::span(values)), from, std::as_writable_bytes(std::span(result)), to);
  return result;
}

TEST(ConvertElements, EqualTypesKeepTheirBits) {
  const std::vector<std::int64_t> values{1, -5, std::numeric_limits<std::int64_t>::min()};
  EXPECT_EQ(converted<std::int64_t>(values, DType::int64, DType::int64), values);
}

TEST(ConvertElements, FloatsAreRoundedToNearestEven) {
  const std::vector<float> values{1.0F, 1.0F + 0x1p-8F, 1.0F + 0x1p-8F + 0x1p-20F, -INFINITY};
  const std::vector<std::uint16_t> expected{0x3F80, 0x3F80, 0x3F81, 0xFF80};
  EXPECT_EQ(converted<std::uint16_t>(values, DType::float32, DType::bfloat16), expected);
}

TEST(ConvertElements, SmallTypesBecomeFloatsExactly) {
  const std::vector<std::uint16_t> halves{0x3C00, 0xC000, 0x0001};
  EXPECT_EQ(converted<float>(halves, DType::float16, DType::float32), (std::vector<float>{1, -2, 0x1p-24F}));
  EXPECT_EQ(converted<double>(halves, DType::float16, DType::float64), (std::vector<double>{1, -2, 0x1p-24}));
}

TEST(ConvertElements, IntegersAreNotConverted) {
  const std::vector<std::int32_t> values{1};
  const auto convert = [&] { converted<float>(values, DType::int32, DType::float32); };
  EXPECT_EQ(testing::error_of(convert).kind(), ExitCode::data);
  EXPECT_FALSE(is_floating_point(DType::boolean));
  EXPECT_TRUE(is_floating_point(DType::float64));
}

}  // namespace
}  // namespace dfm
