// packed_attention against softmax(q k' / sqrt(d)) v, sample by sample, in float64.
#include "nn/attention.h"
#include "support/attention_packs.h"
#include "unit/nn/differentiation.h"

namespace dfm::nn::testing {
namespace {

using dfm::testing::attention_sample_by_sample;
using dfm::testing::total;
using Counts = dfm::testing::RowCounts;
using Pack = dfm::testing::AttentionPack;

// Arguments: q, k, v.
Function packed(const Pack& pack) {
  return
      [&pack](const Tensors& in) { return packed_attention(in[0], in[1], in[2], pack.queries, pack.keys); };
}

Tensors arguments(const Pack& pack, std::int64_t heads, std::int64_t width, Normals& normals) {
  return dfm::testing::attention_arguments(pack, heads, heads, width, normals);
}

class Attention : public ::testing::TestWithParam<Pack> {
 protected:
  Normals normals_;

  void expect_exact(std::int64_t heads, std::int64_t width, at::ScalarType dtype, double tolerance) {
    const Pack& pack = GetParam();
    const Tensors in = arguments(pack, heads, width, normals_);
    expect_agreement(packed(pack), attention_sample_by_sample(pack), in,
                     normals_({total(pack.queries), heads * width}), dtype, tolerance);
  }
};

TEST_P(Attention, AndItsGradientsAgreeWithTheFormula) { expect_exact(3, 24, at::kFloat, kFloatTolerance); }

TEST_P(Attention, InBfloat16IsAccurateToItsRounding) {
  expect_exact(2, 64, at::kBFloat16, 4 * kBfloat16Tolerance);
}

// MKL's float32 products depend on how memory is aligned, and with it on the thread: heads of 64 are aligned
// alike.
TEST_P(Attention, DoesNotDependOnTheNumberOfThreads) {
  static constexpr std::int64_t kHeads = 3, kWidth = 64;
  const Pack& pack = GetParam();
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    const Tensors in = converted(arguments(pack, kHeads, kWidth, normals_), dtype);
    expect_same_on_two_threads(packed(pack), in, normals_({total(pack.queries), kHeads * kWidth}).to(dtype));
  }
}

INSTANTIATE_TEST_SUITE_P(Packs, Attention,
                         ::testing::Values(Pack{{60, 21, 44}, {60, 21, 44}},  // different lengths
                                           Pack{{16, 16, 16, 5, 16},
                                                {16, 16, 16, 5, 16}},  // equal ones in a run
                                           Pack{{1}, {1}},             // one token
                                           Pack{{700, 3}, {700, 3}},   // longer than a kernel's block
                                           Pack{Counts(200, 1), Counts(200, 1)},  // many tiny samples
                                           Pack{{60, 21, 44}, {13, 64, 5}},       // cross attention
                                           Pack{{8, 8, 8}, {4, 4, 5}},    // equal queries, different keys
                                           Pack{{8, 9}, {1, 1}},          // one row of text
                                           Pack{{2, 600}, {513, 512}}));  // long texts

TEST(AttentionHeads, OfEveryWidthAgreeWithTheFormula) {
  Normals normals;
  const Pack pack{{50, 17, 17}, {50, 17, 17}};
  for (const std::int64_t width : {16, 40, 42, 64, 72, 128}) {
    const Tensors in = arguments(pack, 2, width, normals);
    expect_agreement(packed(pack), attention_sample_by_sample(pack), in, normals({84, 2 * width}), at::kFloat,
                     kFloatTolerance);
    expect_agreement(packed(pack), attention_sample_by_sample(pack), in, normals({84, 2 * width}),
                     at::kBFloat16, 4 * kBfloat16Tolerance);
  }
}

// As on a rank that has no tokens of a sample: its keys get no gradient.
TEST(AttentionSamples, MayBeWithoutQueries) {
  Normals normals;
  const Pack pack{{0, 30, 0, 0, 7, 0}, {5, 20, 4, 4, 10, 3}};
  const Tensors in = arguments(pack, 2, 16, normals);
  expect_agreement(packed(pack), attention_sample_by_sample(pack), in, normals({37, 32}), at::kFloat,
                   kFloatTolerance);
}

TEST(AttentionHeads, MayShareKeysAndValues) {
  Normals normals;
  const Pack pack{{12, 12, 31}, {12, 12, 31}};
  const Tensors in = dfm::testing::attention_arguments(pack, 6, 2, 16, normals);
  expect_agreement(packed(pack), attention_sample_by_sample(pack), in, normals({55, 96}), at::kFloat,
                   kFloatTolerance);
}

TEST(AttentionSamples, DoNotSeeEachOther) {
  Normals normals;
  const Pack pack{{30, 40}, {20, 10}};
  const Tensors in = arguments(pack, 2, 16, normals);
  const at::Tensor before = packed(pack)(in);
  Tensors changed = converted(in, at::kFloat);
  for (at::Tensor& tensor : changed) tensor = tensor.clone();
  changed[0].narrow(1, 30, 40).mul_(-3);
  changed[1].narrow(1, 20, 10).add_(5);
  changed[2].narrow(1, 20, 10).zero_();
  EXPECT_TRUE(at::equal(packed(pack)(changed).narrow(0, 0, 30), before.narrow(0, 0, 30)));
}

TEST(AttentionScores, ThatAreLargeDoNotOverflow) {
  Normals normals;
  const Pack pack{{9}, {9}};
  Tensors in = arguments(pack, 1, 16, normals);
  in[0] = in[0] * 1e6;
  const Tensors ours = results_and_gradients(packed(pack), in, normals({9, 16}));
  EXPECT_LT(relative_error(ours[0], attention_sample_by_sample(pack)(converted(in, at::kDouble))), 1e-5);
  for (const at::Tensor& each : ours) EXPECT_TRUE(at::isfinite(each).all().item<bool>());
}

}  // namespace
}  // namespace dfm::nn::testing
