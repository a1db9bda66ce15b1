// split_heads against a reshape and a plain RMSNorm in float64.
#include "core/error.h"
#include "nn/head_norm.h"
#include "unit/nn/differentiation.h"

namespace dfm::nn::testing {
namespace {

constexpr double kEpsilon = 1e-5;

// Which of the parts of a head are normalised.
using NormedParts = std::vector<bool>;

struct Heads {
  std::int64_t count, width;
  NormedParts normed;

  std::int64_t parts() const { return static_cast<std::int64_t>(normed.size()); }
  std::int64_t features() const { return count * parts() * width; }
};

// Arguments: the projection, then one weight a normalised part. The parts one after the other, as one tensor.
Tensors weights_of(const Heads& heads, const Tensors& in) {
  Tensors weights;
  std::size_t next = 1;
  for (const bool normed : heads.normed) weights.push_back(normed ? in[next++] : at::Tensor());
  return weights;
}

Function split(const Heads& heads) {
  return [heads](const Tensors& in) {
    return at::stack(split_heads(in[0], heads.count, weights_of(heads, in), kEpsilon));
  };
}

Function split_reference(const Heads& heads) {
  return [heads](const Tensors& in) {
    const at::Tensor grouped = in[0].view({in[0].size(0), heads.count, heads.parts(), heads.width});
    const Tensors weights = weights_of(heads, in);
    Tensors out;
    for (std::int64_t part = 0; part < heads.parts(); ++part) {
      at::Tensor x = grouped.select(2, part);
      const at::Tensor& weight = weights[static_cast<std::size_t>(part)];
      if (weight.defined()) x = x / (x.square().mean(-1, true) + kEpsilon).sqrt() * weight;
      out.push_back(x.transpose(0, 1));
    }
    return at::stack(out);
  };
}

Tensors arguments(const Heads& heads, std::int64_t tokens, Normals& normals) {
  Tensors in{normals({tokens, heads.features()}) * 2};
  for (const bool normed : heads.normed) {
    if (normed) in.push_back(normals({heads.width}));
  }
  return in;
}

at::Tensor outgoing(const Heads& heads, std::int64_t tokens, Normals& normals) {
  return normals({heads.parts(), heads.count, tokens, heads.width});
}

class SplitHeads : public ::testing::TestWithParam<NormedParts> {
 protected:
  Normals normals_;
};

TEST_P(SplitHeads, AgreesWithAPlainNormForEveryHeadWidth) {
  for (const std::int64_t width : {16, 40, 42, 64, 72, 128}) {
    const Heads heads{3, width, GetParam()};
    const Tensors in = arguments(heads, 150, normals_);
    expect_agreement(split(heads), split_reference(heads), in, outgoing(heads, 150, normals_), at::kFloat,
                     kFloatTolerance);
  }
}

TEST_P(SplitHeads, InBfloat16IsAccurateToItsRounding) {
  for (const std::int64_t width : {42, 72}) {
    const Heads heads{4, width, GetParam()};
    const Tensors in = arguments(heads, 130, normals_);
    expect_agreement(split(heads), split_reference(heads), in, outgoing(heads, 130, normals_), at::kBFloat16,
                     kBfloat16Tolerance);
  }
}

TEST_P(SplitHeads, DoesNotDependOnTheNumberOfThreads) {
  const Heads heads{5, 72, GetParam()};
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const Tensors in = converted(arguments(heads, 333, normals_), dtype);
    expect_same_on_two_threads(split(heads), in, outgoing(heads, 333, normals_).to(dtype));
  }
}

TEST_P(SplitHeads, OfOneTokenWorks) {
  const Heads heads{1, 16, GetParam()};
  const Tensors in = arguments(heads, 1, normals_);
  expect_agreement(split(heads), split_reference(heads), in, outgoing(heads, 1, normals_), at::kFloat,
                   kFloatTolerance);
}

INSTANTIATE_TEST_SUITE_P(Parts, SplitHeads,
                         ::testing::Values(NormedParts{true}, NormedParts{false}, NormedParts{true, false},
                                           NormedParts{true, true}, NormedParts{true, true, false},
                                           NormedParts{false, false, false}, NormedParts{false, true, true}));

TEST(SplitHeadsGradient, IsZeroForPartsThatNothingUses) {
  Normals normals;
  const at::Tensor projected = normals({20, 2 * 3 * 8}).requires_grad_(true);
  const at::Tensor k_weight = normals({8}).requires_grad_(true);
  const auto qkv = split_heads(projected, 2, {at::Tensor(), k_weight, at::Tensor()}, kEpsilon);
  qkv[0].sum().backward();
  const at::Tensor by_part = projected.grad().view({20, 2, 3, 8});
  EXPECT_TRUE(at::equal(by_part.select(2, 0), at::ones({20, 2, 8})));
  EXPECT_EQ(by_part.narrow(2, 1, 2).abs().sum().item<double>(), 0.0);
  EXPECT_EQ(k_weight.grad().abs().sum().item<double>(), 0.0);
}

TEST(SplitHeadsLayout, KeepsTheRowsOfAHeadTogetherAsMegatronDoes) {
  // Row g * 3 d + p * d + i of linear_qkv is element i of part p of head g (spec/dfm.md section 1.2).
  const at::Tensor numbered = at::arange(2 * 3 * 4, at::kFloat).unsqueeze(0);
  const auto qkv = split_heads(numbered, 2, {at::Tensor(), at::Tensor(), at::Tensor()}, kEpsilon);
  EXPECT_TRUE(at::equal(qkv[1][1][0], at::arange(16, 20, at::kFloat)));
  EXPECT_TRUE(qkv[2].is_contiguous());
}

TEST(SplitHeadsLayout, TakesAProjectionThatIsNotContiguous) {
  Normals normals;
  const at::Tensor projected = normals({24, 10}).t();
  const at::Tensor q = split_heads(projected, 3, {at::Tensor()}, kEpsilon)[0];
  EXPECT_TRUE(at::equal(q, projected.contiguous().view({10, 3, 8}).transpose(0, 1)));
}

TEST(SplitHeadsLayout, RefusesMoreThanThreeParts) {
  EXPECT_THROW(split_heads(at::zeros({1, 64}), 2, Tensors(4), kEpsilon), Error);
  EXPECT_THROW(split_heads(at::zeros({1, 64}), 2, {}, kEpsilon), Error);
}

}  // namespace
}  // namespace dfm::nn::testing
