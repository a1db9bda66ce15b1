#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ckpt/side_by_side.h"
#include "support/errors.h"

namespace dfm::ckpt {
namespace {

using testing::error_of;
using ::testing::HasSubstr;

// [rows, columns], whose element i is first + i.
template <class T>
SourceTensor counting(DType dtype, Shape shape, int first) {
  SourceTensor tensor{.name = "counting", .dtype = dtype, .shape = std::move(shape)};
  tensor.read = [first](std::int64_t begin, std::span<std::byte> out) {
    for (std::size_t i = 0; i < out.size() / sizeof(T); ++i) {
      const T value = static_cast<T>(first + begin + static_cast<std::int64_t>(i));
      std::memcpy(out.data() + i * sizeof(T), &value, sizeof(T));
    }
  };
  return tensor;
}

template <class T>
std::vector<T> elements(const SourceTensor& tensor, std::int64_t begin, std::int64_t count) {
  std::vector<T> values(static_cast<std::size_t>(count));
  tensor.read(begin, std::as_writable_bytes(std::span(values)));
  return values;
}

// Element i of q, k and v side by side, by the definition: row r of a head of part p.
constexpr std::int64_t kHeads = 3, kWidth = 2, kColumns = 5, kParts = 3;
int expected_at(std::int64_t i) {
  const std::int64_t row = i / kColumns, head = row / (kParts * kWidth), part = row / kWidth % kParts;
  const std::int64_t own_row = head * kWidth + row % kWidth;
  return static_cast<int>(30 * part + own_row * kColumns + i % kColumns);
}

template <class T>
std::vector<SourceTensor> three(DType dtype) {
  std::vector<SourceTensor> parts;
  for (int part = 0; part < kParts; ++part)
    parts.push_back(counting<T>(dtype, {kHeads * kWidth, kColumns}, 30 * part));
  return parts;
}

template <class T>
void expect_all_ranges(DType dtype) {
  const SourceTensor whole = side_by_side(three<T>(dtype), kHeads);
  ASSERT_EQ(whole.shape, (Shape{kParts * kHeads * kWidth, kColumns}));
  const std::int64_t size = element_count(whole.shape);
  for (std::int64_t begin = 0; begin < size; ++begin) {
    for (std::int64_t end = begin; end <= size; ++end) {
      const auto found = elements<T>(whole, begin, end - begin);
      for (std::int64_t i = begin; i < end; ++i)
        ASSERT_EQ(found[static_cast<std::size_t>(i - begin)], static_cast<T>(expected_at(i)));
    }
  }
}

TEST(SideBySide, ReadsAnyRangeOfElementsOfAnySize) {
  expect_all_ranges<float>(DType::float32);
  expect_all_ranges<std::uint16_t>(DType::bfloat16);
  expect_all_ranges<double>(DType::float64);
}

TEST(SideBySide, APartReadsAnyRangeOfTheWhole) {
  const auto parts = parts_in_heads(side_by_side(three<float>(DType::float32), kHeads), kParts, kHeads);
  ASSERT_EQ(parts.size(), 3U);
  for (int p = 0; p < kParts; ++p) {
    const SourceTensor& part = parts[static_cast<std::size_t>(p)];
    ASSERT_EQ(part.shape, (Shape{kHeads * kWidth, kColumns}));
    for (std::int64_t begin = 0; begin < 30; ++begin) {
      for (std::int64_t end = begin; end <= 30; ++end) {
        const auto found = elements<float>(part, begin, end - begin);
        for (std::int64_t i = begin; i < end; ++i)
          ASSERT_EQ(found[static_cast<std::size_t>(i - begin)], static_cast<float>(30 * p + i));
      }
    }
  }
}

TEST(SideBySide, BiasesLieAsTheRowsOfTheirWeights) {
  const SourceTensor whole =
      side_by_side({counting<float>(DType::float32, {4}, 0), counting<float>(DType::float32, {4}, 10)}, 2);
  EXPECT_EQ(elements<float>(whole, 0, 8), (std::vector<float>{0, 1, 10, 11, 2, 3, 12, 13}));
}

TEST(SideBySide, PartsOfOtherShapesOrTypesAreADataError) {
  const SourceTensor first = counting<float>(DType::float32, {4, 3}, 0);
  for (const SourceTensor& other :
       {counting<float>(DType::float32, {4, 2}, 0), counting<float>(DType::float32, {2, 3}, 0),
        counting<std::uint16_t>(DType::bfloat16, {4, 3}, 0)}) {
    const Error error = error_of([&] { side_by_side({first, other}, 2); });
    EXPECT_EQ(error.kind(), ExitCode::data);
    EXPECT_THAT(error.what(), HasSubstr("cannot lie side by side"));
  }
}

TEST(SideBySide, RowsThatHeadsDoNotDivideAreADataError) {
  const SourceTensor tensor = counting<float>(DType::float32, {4, 3}, 0);
  const SourceTensor scalar = counting<float>(DType::float32, {}, 0);
  for (const std::int64_t heads : {0, -1, 3, 8}) {
    EXPECT_EQ(error_of([&] { side_by_side({tensor}, heads); }).kind(), ExitCode::data);
    EXPECT_EQ(error_of([&] { parts_in_heads(tensor, 2, heads); }).kind(), ExitCode::data);
  }
  EXPECT_EQ(error_of([&] { side_by_side({scalar}, 1); }).kind(), ExitCode::data);
}

TEST(SideBySide, RecordedChecksumsAreStillCompared) {
  SourceTensor damaged = counting<float>(DType::float32, {4, 3}, 0);
  damaged.crc32 = 1;
  const SourceTensor whole = side_by_side({counting<float>(DType::float32, {4, 3}, 0), damaged}, 2);
  ASSERT_EQ(whole.checks.size(), 1U);
  EXPECT_EQ(error_of(whole.checks[0].run).kind(), ExitCode::data);
  const auto parts = parts_in_heads(damaged, 2, 2);
  ASSERT_EQ(parts[0].checks.size(), 1U);
  EXPECT_EQ(error_of(parts[0].checks[0].run).kind(), ExitCode::data);
}

}  // namespace
}  // namespace dfm::ckpt
