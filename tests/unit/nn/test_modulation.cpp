// modulated_norm and gated_add against compositions of plain tensor operations in float64.
#include "nn/modulation.h"
#include "unit/nn/differentiation.h"

namespace dfm::nn::testing {
namespace {

constexpr double kEpsilon = 1e-5;

PackLayout layout_of(const std::vector<std::int64_t>& token_counts) {
  return {token_counts, std::vector<std::int64_t>(token_counts.size(), 1)};
}

// Arguments: x, shift, scale.
Function modulated(const PackLayout& layout) {
  return [&layout](const Tensors& in) { return modulated_norm(in[0], in[1], in[2], kEpsilon, layout); };
}

Function modulated_reference(const PackLayout& layout) {
  return [&layout](const Tensors& in) {
    const at::Tensor centred = in[0] - in[0].mean(1, true);
    const at::Tensor normal = centred / (centred.square().mean(1, true) + kEpsilon).sqrt();
    return normal * (1 + layout.per_token(in[2])) + layout.per_token(in[1]);
  };
}

// Arguments: x, gate, y.
Function gated(const PackLayout& layout) {
  return [&layout](const Tensors& in) { return gated_add(in[0], in[1], in[2], layout); };
}

Function gated_reference(const PackLayout& layout) {
  return [&layout](const Tensors& in) { return in[0] + layout.per_token(in[1]) * in[2]; };
}

// Samples of very different length, among them lengths around the block of tokens that a kernel takes at
// once.
class Modulation : public ::testing::TestWithParam<std::vector<std::int64_t>> {
 protected:
  const PackLayout layout_ = layout_of(GetParam());
  Normals normals_;

  Tensors norm_arguments(std::int64_t width) {
    return {normals_({layout_.tokens(), width}) * 3 + 1, normals_({layout_.samples(), width}),
            normals_({layout_.samples(), width})};
  }
  Tensors gate_arguments(std::int64_t width) {
    return {normals_({layout_.tokens(), width}), normals_({layout_.samples(), width}),
            normals_({layout_.tokens(), width})};
  }
};

TEST_P(Modulation, NormAndItsGradientsAgreeWithTheFormula) {
  for (const std::int64_t width : {16, 40, 272, 1152}) {
    const Tensors arguments = norm_arguments(width);
    expect_agreement(modulated(layout_), modulated_reference(layout_), arguments,
                     normals_({layout_.tokens(), width}), at::kFloat, kFloatTolerance);
  }
}

TEST_P(Modulation, NormInBfloat16IsAccurateToItsRounding) {
  const Tensors arguments = norm_arguments(272);
  expect_agreement(modulated(layout_), modulated_reference(layout_), arguments,
                   normals_({layout_.tokens(), 272}), at::kBFloat16, kBfloat16Tolerance);
}

TEST_P(Modulation, GateAndItsGradientsAgreeWithTheFormula) {
  for (const std::int64_t width : {16, 40, 272, 1152}) {
    const Tensors arguments = gate_arguments(width);
    expect_agreement(gated(layout_), gated_reference(layout_), arguments, normals_({layout_.tokens(), width}),
                     at::kFloat, kFloatTolerance);
  }
}

TEST_P(Modulation, GateInBfloat16IsAccurateToItsRounding) {
  const Tensors arguments = gate_arguments(272);
  expect_agreement(gated(layout_), gated_reference(layout_), arguments, normals_({layout_.tokens(), 272}),
                   at::kBFloat16, kBfloat16Tolerance);
}

TEST_P(Modulation, DoesNotDependOnTheNumberOfThreads) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const at::Tensor g = normals_({layout_.tokens(), 96}).to(dtype);
    expect_same_on_two_threads(modulated(layout_), converted(norm_arguments(96), dtype), g);
    expect_same_on_two_threads(gated(layout_), converted(gate_arguments(96), dtype), g);
  }
}

INSTANTIATE_TEST_SUITE_P(Packs, Modulation,
                         ::testing::Values(std::vector<std::int64_t>{1}, std::vector<std::int64_t>{300},
                                           std::vector<std::int64_t>{1, 63, 64, 65, 200},
                                           std::vector<std::int64_t>(90, 1),
                                           std::vector<std::int64_t>{129, 1, 128}));

TEST(ModulationRows, MayBeChunksOfOneMatrix) {
  Normals normals;
  const PackLayout layout = layout_of({7, 70});
  const auto function = [&](bool fused) {
    return [&layout, fused](const Tensors& in) {
      const auto m = in[1].chunk(3, 1);
      const at::Tensor y = (fused ? modulated(layout) : modulated_reference(layout))({in[0], m[0], m[1]});
      return (fused ? gated(layout) : gated_reference(layout))({in[0], m[2], y});
    };
  };
  const Tensors arguments{normals({77, 32}), normals({2, 96})};
  expect_agreement(function(true), function(false), arguments, normals({77, 32}), at::kFloat,
                   kFloatTolerance);
}

TEST(ModulationRows, MayBeTransposedInMemory) {
  Normals normals;
  const PackLayout layout = layout_of({3, 5});
  const auto function = [&](bool fused) {
    return [&layout, fused](const Tensors& in) {
      return (fused ? modulated(layout) : modulated_reference(layout))({in[0].t(), in[1].t(), in[2].t()});
    };
  };
  const Tensors arguments{normals({24, 8}), normals({24, 2}), normals({24, 2})};
  expect_agreement(function(true), function(false), arguments, normals({8, 24}), at::kFloat, kFloatTolerance);
}

TEST(ModulationRows, OfALongSampleAddUpWithoutLosingPrecision) {
  const PackLayout layout = layout_of({20000});
  const at::Tensor ones = at::ones({20000, 16});
  const Tensors results = results_and_gradients(gated(layout), {ones, at::ones({1, 16}), ones * 1.1}, ones);
  EXPECT_LT(relative_error(results[2], at::full({1, 16}, 1.1F, at::kDouble) * 20000), 1e-5);
}

TEST(ModulatedNorm, OfARowWithoutVarianceIsItsShift) {
  const PackLayout layout = layout_of({4});
  Normals normals;
  const at::Tensor shift = normals({1, 32});
  const at::Tensor y = modulated_norm(at::full({4, 32}, 7.0F), shift, normals({1, 32}), kEpsilon, layout);
  EXPECT_LT(relative_error(y, shift.expand({4, 32})), 1e-6);
}

TEST(GatedAdd, WithAGateOfZeroIsTheIdentity) {
  const PackLayout layout = layout_of({10, 3});
  Normals normals;
  const at::Tensor x = normals({13, 48});
  EXPECT_TRUE(at::equal(gated_add(x, at::zeros({2, 48}), normals({13, 48}), layout), x));
}

}  // namespace
}  // namespace dfm::nn::testing
