#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "data/tensor/array_view.h"
#include "unit/data/pickle_bytes.h"

namespace dfm::data {
namespace {

using ::testing::ElementsAre;

std::shared_ptr<Storage> storage_of(const std::string& bytes) {
  auto storage = std::make_shared<Storage>();
  storage->size_bytes = bytes.size();
  storage->content = ByteRange::of(bytes_of(bytes));
  return storage;
}

template <class T>
void expect_gathered(DType dtype) {
  std::string bytes;
  for (int i = 0; i < 120; ++i) bytes += little_endian(static_cast<T>(i));
  const Layout layout{{3, 2, 4}, {5, 60, 13}, 3};
  MemoryBudget budget(bytes.size());
  const Array array = load(make_view(storage_of(bytes), dtype, layout), budget);
  std::size_t next = 0;
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 2; ++j) {
      for (int k = 0; k < 4; ++k)
        EXPECT_EQ(array.as<T>()[next++], static_cast<T>(3 + 5 * i + 60 * j + 13 * k));
    }
  }
}

TEST(ArrayView, GathersElementsOfEachSizeThroughItsStrides) {
  expect_gathered<std::uint8_t>(DType::uint8);
  expect_gathered<std::int16_t>(DType::int16);
  expect_gathered<float>(DType::float32);
  expect_gathered<std::int64_t>(DType::int64);
}

TEST(ArrayView, ReachesTheLastElementOfItsStorageAndNoFurther) {
  const std::string bytes(10, 'x');
  EXPECT_NO_THROW(make_view(storage_of(bytes), DType::int16, {{2, 2}, {3, 1}, 0}));
  EXPECT_THROW(make_view(storage_of(bytes), DType::int16, {{2, 2}, {3, 1}, 1}), Error);
  EXPECT_THROW(make_view(storage_of(bytes), DType::int16, {{2, 2}, {4, 1}, 0}), Error);
  EXPECT_THROW(make_view(storage_of(bytes), DType::int32, {{3}, {1}, 0}), Error);
}

TEST(ArrayView, WithoutElementsNeedsNoStorage) {
  MemoryBudget budget(0);
  const Array array = load(make_view(storage_of(""), DType::int32, {{4, 0}, {INT64_MAX, -1}, 7}), budget);
  EXPECT_THAT(array.shape, ElementsAre(4, 0));
  EXPECT_TRUE(array.bytes.empty());
}

TEST(Layout, CountsAnExtentOfZeroAsOne) {
  EXPECT_THAT(row_major({2, 3, 4}).strides, ElementsAre(12, 4, 1));
  EXPECT_THAT(column_major({2, 3, 4}).strides, ElementsAre(1, 2, 6));
  EXPECT_THAT(row_major({2, 0, 4}).strides, ElementsAre(4, 4, 1));
}

TEST(Layout, ThatOverflowsIsRefused) {
  EXPECT_THROW(row_major({0, INT64_MAX, INT64_MAX}), Error);
  EXPECT_THROW(row_major({INT64_MAX, 3}), Error);
  EXPECT_THROW(row_major({-1}), Error);
  const auto storage = storage_of("12345678");
  EXPECT_THROW(make_view(storage, DType::uint8, {{2, 2}, {INT64_MAX, INT64_MAX}, 0}), Error);
  MemoryBudget budget(~std::uint64_t{0});
  EXPECT_THROW(load(make_view(storage, DType::float64, {{INT64_MAX}, {0}, 0}), budget), Error);
}

TEST(ArrayView, OfLatin1TextMustDecodeToItsSize) {
  const std::string text = "\xc3\xbf!";
  auto storage = storage_of(text);
  storage->encoding = Encoding::latin1_in_utf8;
  storage->size_bytes = 2;
  MemoryBudget budget(text.size());
  EXPECT_THAT(load(make_view(storage, DType::uint8, row_major({2})), budget).as<std::uint8_t>(),
              ElementsAre(255, '!'));
  storage->size_bytes = 3;
  EXPECT_THROW(load(make_view(storage, DType::uint8, row_major({3})), budget), Error);
}

TEST(ArrayView, NoticesDamagedContent) {
  const std::string bytes = "123456789";
  auto storage = storage_of(bytes);
  MemoryBudget budget(bytes.size());
  storage->crc32 = 0xCBF43926;
  EXPECT_NO_THROW(load(make_view(storage, DType::uint8, row_major({9})), budget));
  storage->crc32 ^= 1;
  EXPECT_THROW(load(make_view(storage, DType::uint8, row_major({9})), budget), Error);
}

TEST(MemoryBudget, EndsAtAMultipleOfTheFile) {
  MemoryBudget budget(1U << 20U);
  EXPECT_NO_THROW(budget.charge(9U << 20U));
  EXPECT_NO_THROW(budget.charge(0));
  EXPECT_THROW(budget.charge(1), Error);
  EXPECT_NO_THROW(MemoryBudget(~std::uint64_t{0}).charge(~std::uint64_t{0}));
}

}  // namespace
}  // namespace dfm::data
