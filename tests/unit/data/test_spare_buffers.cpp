// Memory of arrays that is used again: by arrays of the same size, and without a trace of what was there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/tensor/spare_buffers.h"
#include "data/tensor/tensor_file.h"

namespace dfm::data {
namespace {

Array filled(std::int64_t elements, float value) {
  return from_floats(std::vector<float>(static_cast<std::size_t>(elements), value), {elements},
                     DType::float32);
}

constexpr std::int64_t kLarge = 1 << 20;

TEST(SpareBuffers, AreUsedForArraysOfTheirSize) {
  Array array = filled(kLarge, 1);
  const std::byte* const memory = array.bytes.data();
  give_back(std::move(array));
  EXPECT_NE(take_buffer(4 * kLarge - 4).data(), memory);
  EXPECT_EQ(take_buffer(4 * kLarge).data(), memory);
  EXPECT_NE(take_buffer(4 * kLarge).data(), memory);
}

TEST(SpareBuffers, LeaveNoTraceInWhatIsReadNext) {
  const Array expected = filled(kLarge, 2);
  const auto file = write_pth(expected);
  give_back(filled(kLarge, 3));
  EXPECT_EQ(read_pth(file, "file").bytes, expected.bytes);
}

TEST(SpareBuffers, OfSmallArraysAreFreed) {
  Array array = filled(16, 1);
  give_back(std::move(array));
  EXPECT_EQ(take_buffer(64), std::vector<std::byte>(64));
}

}  // namespace
}  // namespace dfm::data
