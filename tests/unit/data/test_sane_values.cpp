// One number that cannot be trained on is found, wherever it stands in an array of any length.
#include <cmath>
#include <limits>
#include <numeric>

#include <gtest/gtest.h>

#include "data/loader/sane_values.h"

namespace dfm::data {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::size_t kLongest = 100;  // of several vectors of any processor, and some more

class SaneValues : public ::testing::TestWithParam<DType> {
 protected:
  static bool are_sane_as_stored(const std::vector<float>& values) {
    const Array array = from_floats(values, {static_cast<std::int64_t>(values.size())}, GetParam());
    return are_sane(array.dtype, array.bytes);
  }
  static std::vector<float> usual(std::size_t length) {
    std::vector<float> values(length);
    std::iota(values.begin(), values.end(), -50.0F);
    return values;
  }
};

TEST_P(SaneValues, AreAllOfAtMostAThousand) {
  for (std::size_t length = 0; length < kLongest; ++length) {
    auto values = usual(length);
    EXPECT_TRUE(are_sane_as_stored(values)) << length;
    for (float& value : values) value = value < 0 ? -kGreatestMagnitude : kGreatestMagnitude;
    EXPECT_TRUE(are_sane_as_stored(values)) << length;
  }
}

TEST_P(SaneValues, AreNotWhereOneIsNone) {
  const float just_above = 1008;  // 1004 is half way to what bfloat16 has next
  for (const float bad : {just_above, -just_above, kInfinity, -kInfinity, std::nanf("")}) {
    for (std::size_t length = 1; length < kLongest; ++length) {
      for (const std::size_t place : {std::size_t{0}, length / 2, length - 1}) {
        auto values = usual(length);
        values[place] = bad;
        EXPECT_FALSE(are_sane_as_stored(values)) << bad << " at " << place << " of " << length;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Of, SaneValues,
                         ::testing::Values(DType::bfloat16, DType::float16, DType::float32, DType::float64),
                         [](const auto& tested) { return std::string(name_of(tested.param)); });

}  // namespace
}  // namespace dfm::data
