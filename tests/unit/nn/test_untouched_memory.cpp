#include <algorithm>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "nn/untouched_memory.h"

namespace dfm::nn {
namespace {

TEST(UntouchedMemory, HoldsZerosAndNoPageUntilItIsTouched) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const at::Tensor values = untouched_zeros(std::int64_t{1} << 20, at::kFloat);
  const std::size_t bytes = values.nbytes();
  std::vector<unsigned char> resident(bytes / page);
  ASSERT_EQ(::mincore(values.mutable_data_ptr(), bytes, resident.data()), 0);
  EXPECT_TRUE(std::ranges::none_of(resident, [](unsigned char each) { return (each & 1U) != 0; }));
  EXPECT_TRUE(at::equal(values, at::zeros({1 << 20}, at::kFloat)));
}

TEST(UntouchedMemory, MayBeEmptyAndOfAnyType) {
  EXPECT_EQ(untouched_zeros(0, at::kFloat).numel(), 0);
  EXPECT_EQ(untouched_zeros(3, at::kBFloat16).scalar_type(), at::kBFloat16);
}

}  // namespace
}  // namespace dfm::nn
