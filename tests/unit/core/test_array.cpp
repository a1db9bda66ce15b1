#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/array.h"
#include "support/errors.h"

namespace dfm {
namespace {

using testing::error_of;
using ::testing::HasSubstr;

constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();

TEST(Array, CountsTheElementsOfAShape) {
  EXPECT_EQ(element_count({}), 1);
  EXPECT_EQ(element_count({7}), 7);
  EXPECT_EQ(element_count({16, 1, 4, 4}), 256);
  EXPECT_EQ(element_count({3, 0, 5}), 0);
}

TEST(Array, RefusesNegativeExtents) {
  for (const Shape& shape :
       {Shape{-1}, Shape{0, -1}, Shape{-2, -2}, Shape{std::numeric_limits<std::int64_t>::min()}}) {
    EXPECT_EQ(error_of([&] { element_count(shape); }).kind(), ExitCode::data) << to_text(shape);
  }
}

TEST(Array, RefusesShapesWhoseProductOverflows) {
  for (const Shape& shape :
       {Shape{kLargest, 2}, Shape{1LL << 32U, 1LL << 31U}, Shape{3037000500, 3037000500}}) {
    const Error error = error_of([&] { element_count(shape); });
    EXPECT_EQ(error.kind(), ExitCode::data);
    EXPECT_THAT(error.what(), HasSubstr(to_text(shape)));
  }
}

TEST(Array, RefusesShapesWhoseBytesOverflow) {
  EXPECT_EQ(element_count({kLargest / 2}), kLargest / 2);
  EXPECT_EQ(error_of([] { make_array(DType::float64, {kLargest / 2}); }).kind(), ExitCode::data);
}

TEST(Array, MoreThanTheMemoryIsAnErrorAndNotACrash) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the address sanitizer ends the program instead";
#endif
  EXPECT_ANY_THROW(make_array(DType::uint8, {kLargest}));
}

TEST(Array, StartsWithZeros) {
  const Array array = make_array(DType::int32, {2, 3});
  EXPECT_EQ(array.count(), 6);
  EXPECT_THAT(array.as<std::int32_t>(), ::testing::ElementsAre(0, 0, 0, 0, 0, 0));
}

TEST(Array, ConvertsFloatsToEachFloatingPointTypeAndBack) {
  const std::vector<float> values{0.0F, 1.0F, -2.5F, 0.25F};  // exact in all of them
  for (const DType dtype : {DType::float32, DType::float64, DType::float16, DType::bfloat16}) {
    const Array array = from_floats(values, {2, 2}, dtype);
    EXPECT_EQ(array.bytes.size(), 4 * size_of(dtype));
    EXPECT_EQ(to_floats(array), values) << name_of(dtype);
  }
}

TEST(Array, HasNoFloatsInWholeNumbers) {
  const Error error = error_of([] { to_floats(make_array(DType::int64, {3})); });
  EXPECT_EQ(error.kind(), ExitCode::data);
  EXPECT_THAT(error.what(), HasSubstr("int64"));
}

TEST(Array, ACountThatIsNotTheShapesIsAMistakeOfTheProgram) {
  const std::vector<float> three(3);
  EXPECT_EQ(error_of([&] { from_floats(three, {2, 2}, DType::float32); }).kind(), ExitCode::internal);
  EXPECT_EQ(error_of([&] { from_floats(three, {3}, DType::int8); }).kind(), ExitCode::internal);
}

TEST(Array, ShowsShapesAsLists) {
  EXPECT_EQ(to_text(Shape{16, 1, 4, 4}), "[16, 1, 4, 4]");
  EXPECT_EQ(to_text(Shape{}), "[]");
}

}  // namespace
}  // namespace dfm
