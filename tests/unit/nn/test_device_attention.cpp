// What devices do around an attention kernel, on the CPU with the plain kernel: stretches, offsets, widths,
// and parts merged by their log-sum-exp. (tests/cuda has the kernels of GPUs.)
#include "nn/attention_choice.h"
#include "nn/attention_stretches.h"
#include "nn/device_attention.h"
#include "support/attention_packs.h"
#include "unit/nn/differentiation.h"

namespace dfm::nn::testing {
namespace {

using dfm::testing::attention_arguments;
using dfm::testing::attention_sample_by_sample;
using dfm::testing::total;
using Counts = dfm::testing::RowCounts;
using Pack = dfm::testing::AttentionPack;

constexpr double kPlainBfloat16Tolerance = 4 * kBfloat16Tolerance;

Function on_device(const Pack& pack) {
  return
      [&pack](const Tensors& in) { return device_attention(in[0], in[1], in[2], pack.queries, pack.keys); };
}

class DeviceAttention : public ::testing::TestWithParam<Pack> {};

TEST_P(DeviceAttention, AndItsGradientsAgreeWithTheFormula) {
  Normals normals;
  for (const std::int64_t width : {16, 42}) {
    const Tensors in = attention_arguments(GetParam(), 6, 2, width, normals);
    const at::Tensor g = normals({total(GetParam().queries), 6 * width});
    const Function reference = attention_sample_by_sample(GetParam());
    expect_agreement(on_device(GetParam()), reference, in, g, at::kFloat, kFloatTolerance);
    expect_agreement(on_device(GetParam()), reference, in, g, at::kBFloat16, kPlainBfloat16Tolerance);
  }
}

INSTANTIATE_TEST_SUITE_P(Packs, DeviceAttention,
                         ::testing::Values(Pack{{60}, {60}},                           // one
                                           Pack{{16, 16, 16}, {16, 16, 16}},           // equal ones
                                           Pack{{60, 21, 1}, {60, 21, 1}},             // others
                                           Pack{{60, 21, 44}, {13, 64, 5}},            // cross attention
                                           Pack{{0, 30, 0, 7, 0}, {5, 20, 4, 10, 3}},  // without queries
                                           Pack{{0, 0}, {5, 4}}));                     // without any

TEST(AttentionStretches, EndWhereASampleHasNoQueriesOrNoKeys) {
  const auto found = stretches({3, 4, 0, 5, 6, 1}, {1, 2, 7, 3, 0, 2});
  ASSERT_EQ(found.size(), 3);
  EXPECT_EQ(found[0].lengths.queries, (Counts{3, 4}));
  EXPECT_EQ(found[1].query_begin, 7);
  EXPECT_EQ(found[1].key_begin, 10);
  EXPECT_EQ(found[2].query_begin, 18);
  EXPECT_EQ(found[2].key_rows, 2);
}

TEST(PlainAttention, GivesTheLogSumExpOfEachRow) {
  Normals normals;
  const at::Tensor q = normals({5, 3, 8}), k = normals({7, 3, 8}), v = normals({7, 3, 8});
  const Attended attended = attend({q, k, v, {{5}, {7}}, 0.3});
  const at::Tensor scores = at::matmul(q.transpose(0, 1), k.permute({1, 2, 0})) * 0.3;
  EXPECT_LT(relative_error(attended.log_sum_exp, at::logsumexp(scores, -1).unsqueeze(1)), kFloatTolerance);
}

// With the log-sum-exp and the result of all keys, the gradients of two halves of the keys add up.
TEST(PlainAttention, GivesTheGradientsOfAPartOfTheKeys) {
  Normals normals;
  const at::Tensor q = normals({5, 3, 8}), k = normals({7, 3, 8}), v = normals({7, 3, 8}),
                   dout = normals({5, 3, 8});
  const Attended all = attend({q, k, v, {{5}, {7}}, 0.3});
  const AttentionGradients expected = attention_gradients({q, k, v, {{5}, {7}}, 0.3}, all, dout);
  const auto part = [&](std::int64_t begin, std::int64_t count) {
    return attention_gradients({q, k.narrow(0, begin, count), v.narrow(0, begin, count), {{5}, {count}}, 0.3},
                               all, dout);
  };
  const AttentionGradients first = part(0, 3), second = part(3, 4);
  EXPECT_LT(relative_error(first.q + second.q, expected.q), kFloatTolerance);
  EXPECT_LT(relative_error(at::cat({first.k, second.k}), expected.k), kFloatTolerance);
  EXPECT_LT(relative_error(at::cat({first.v, second.v}), expected.v), kFloatTolerance);
}

}  // namespace
}  // namespace dfm::nn::testing
