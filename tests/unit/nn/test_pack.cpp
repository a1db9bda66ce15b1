// The arithmetic of packs, and the bridge between arrays and tensors.
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "nn/array_bridge.h"
#include "nn/kernel_support.h"
#include "nn/pack.h"
#include "support/tensors.h"

namespace dfm::nn {

// For comparisons in tests.
static bool operator==(const EqualRun& a, const EqualRun& b) {
  return a.first_sample == b.first_sample && a.samples == b.samples && a.query_begin == b.query_begin &&
         a.query_length == b.query_length && a.key_begin == b.key_begin && a.key_length == b.key_length;
}

namespace {

using ::testing::ElementsAre;

TEST(PackLayout, KnowsWhereEachSampleBegins) {
  const PackLayout layout({60, 21, 44}, {13, 64, 5});
  EXPECT_EQ(layout.samples(), 3);
  EXPECT_EQ(layout.tokens(), 125);
  EXPECT_EQ(layout.text_rows(), 82);
  EXPECT_THAT(layout.token_begins(), ElementsAre(0, 60, 81, 125));
  EXPECT_THAT(layout.text_begins(), ElementsAre(0, 13, 77, 82));
}

TEST(PackLayout, SpreadsAValueOverTheTokensOrTextRowsOfItsSample) {
  const PackLayout layout({2, 1}, {1, 3});
  const at::Tensor values = at::tensor({7.0F, 8.0F});
  EXPECT_TRUE(at::equal(layout.per_token(values), at::tensor({7.0F, 7.0F, 8.0F})));
  EXPECT_TRUE(at::equal(layout.per_text_row(values), at::tensor({7.0F, 8.0F, 8.0F, 8.0F})));
}

TEST(PackLayout, MayHaveNoSamplesOnAnyRank) {
  const PackLayout none = PackLayout({}, {}).share({2, 1, 3, 2});
  EXPECT_EQ(none.samples(), 0);
  EXPECT_EQ(none.tokens(), 0);
  EXPECT_THAT(none.tensor_row_counts(), ElementsAre(0, 0, 0));
  EXPECT_THAT(none.context_row_counts(), ElementsAre(0, 0));
  EXPECT_EQ(none.own_rows(at::empty({0, 5})).size(0), 0);
  EXPECT_EQ(none.whole_rows(at::empty({0, 5})).size(1), 5);
}

TEST(PackLayout, RefusesEmptySamples) {
  EXPECT_THROW(PackLayout({3, 0}, {1, 1}), Error);
  EXPECT_THROW(PackLayout({3}, {0}), Error);
  EXPECT_THROW(PackLayout({3, 4}, {1}), Error);
}

TEST(EqualRuns, JoinNeighboursWithEqualLengthsOnly) {
  EXPECT_THAT(equal_runs({4, 4, 4, 2, 4}, {3, 3, 5, 3, 3}),
              ElementsAre(EqualRun{0, 2, 0, 4, 0, 3}, EqualRun{2, 1, 8, 4, 6, 5},
                          EqualRun{3, 1, 12, 2, 11, 3}, EqualRun{4, 1, 14, 4, 14, 3}));
}

TEST(TokenBlocks, CoverEveryTokenOnceAndNeverTwoSamples) {
  std::mt19937 engine(testing::announced_seed());
  std::vector<std::int64_t> begins{0};
  for (int i = 0; i < 40; ++i) {
    begins.push_back(begins.back() + std::uniform_int_distribution<std::int64_t>(1, 200)(engine));
  }
  std::int64_t next = 0;
  for (const TokenBlock& block : token_blocks(begins)) {
    EXPECT_EQ(block.begin, next);
    EXPECT_GT(block.end, block.begin);
    EXPECT_GE(block.begin, begins[static_cast<std::size_t>(block.sample)]);
    EXPECT_LE(block.end, begins[static_cast<std::size_t>(block.sample) + 1]);
    next = block.end;
  }
  EXPECT_EQ(next, begins.back());
}

TEST(ArrayBridge, KeepsBytesAndTypeBothWays) {
  for (const DType dtype : {DType::float32, DType::float16, DType::bfloat16, DType::float64, DType::int64,
                            DType::int32, DType::int16, DType::int8, DType::uint8, DType::boolean}) {
    Array array = make_array(dtype, {2, 3});
    for (std::size_t i = 0; i < array.bytes.size(); ++i) array.bytes[i] = static_cast<std::byte>(i % 2);
    const at::Tensor tensor = to_tensor(array);
    EXPECT_EQ(tensor.scalar_type(), scalar_type(dtype));
    const Array back = to_array(tensor);
    EXPECT_EQ(back.dtype, dtype);
    EXPECT_EQ(back.shape, array.shape);
    EXPECT_EQ(back.bytes, array.bytes);
  }
}

TEST(ArrayBridge, CopiesViewsInTheirLogicalOrder) {
  const at::Tensor tensor = at::arange(6, at::kFloat).view({2, 3}).t();
  const Array array = to_array(tensor);
  EXPECT_EQ(array.shape, (Shape{3, 2}));
  EXPECT_THAT(array.as<float>(), ElementsAre(0, 3, 1, 4, 2, 5));
}

TEST(KernelStore, RoundsToBfloat16AsTheLibraryDoes) {
  testing::Normals normals;
  const at::Tensor values = normals({10000}) * 1000;
  const at::Tensor expected = values.to(at::kBFloat16);
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    at::BFloat16 rounded;
    store(values.const_data_ptr<float>()[i], rounded);
    ASSERT_EQ(rounded.x, expected.const_data_ptr<at::BFloat16>()[i].x);
  }
}

TEST(KernelDispatch, RefusesOtherTypes) {
  EXPECT_THROW(dispatch(at::zeros({1}, at::kDouble), []<class T>(T) {}), Error);
}

}  // namespace
}  // namespace dfm::nn
