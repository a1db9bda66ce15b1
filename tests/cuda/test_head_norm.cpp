// split_heads on the GPU against plain tensors in float64.
#include "cuda/agreement.h"
#include "nn/head_norm.h"

namespace dfm {
namespace {

using namespace test;

constexpr double kEpsilon = 1e-5;
constexpr std::int64_t kTokens = 77, kHeads = 5;

at::Tensor normed(const at::Tensor& x, const at::Tensor& weight) {
  return x / (x.square().mean(-1, true) + kEpsilon).sqrt() * weight;
}

// Part `part` of projected, [H, S, d].
at::Tensor part_of(const at::Tensor& projected, std::int64_t parts, std::int64_t part) {
  return projected.unflatten(1, {kHeads, parts, -1}).select(2, part).transpose(0, 1);
}

// All parts in one tensor: [P, H, S, d].
at::Tensor ours(const Tensors& in) {
  return at::stack(nn::split_heads(in[0], kHeads, {in[1], in[2], {}}, kEpsilon));
}

at::Tensor plain(const Tensors& in) {
  return at::stack(
      {normed(part_of(in[0], 3, 0), in[1]), normed(part_of(in[0], 3, 1), in[2]), part_of(in[0], 3, 2)});
}

struct HeadNorm : OnGpu, testing::WithParamInterface<std::tuple<at::ScalarType, std::int64_t>> {
  at::ScalarType type = std::get<0>(GetParam());
  std::int64_t width = std::get<1>(GetParam());

  at::Tensor projected(std::int64_t parts) const { return random({kTokens, kHeads * parts * width}); }
};

TEST_P(HeadNorm, HeadsAndTheirGradientsAreThoseOfPlainTensors) {
  expect_agreement(ours, plain, {projected(3), random({width}), random({width})},
                   random({3, kHeads, kTokens, width}), type);
}

TEST_P(HeadNorm, QueriesAloneHaveTheirGradients) {
  expect_agreement([](const Tensors& in) { return nn::split_heads(in[0], kHeads, {in[1]}, kEpsilon)[0]; },
                   [](const Tensors& in) { return normed(part_of(in[0], 1, 0), in[1]); },
                   {projected(1), random({width})}, random({kHeads, kTokens, width}), type);
}

// As attention may give them: token by token, head by head, and with a stride between elements.
TEST_P(HeadNorm, GradientsMayHaveAnyStrides) {
  const auto by_head = [](const Tensors& in) {
    const auto parts = nn::split_heads(in[0], kHeads, {in[1], in[2], {}}, kEpsilon);
    return at::cat({parts[0].transpose(0, 1).flatten(1), parts[1].flatten(1).t().reshape({kTokens, -1}),
                    parts[2].transpose(0, 2).flatten(1).reshape({kTokens, -1})},
                   1);
  };
  const auto expected = [](const Tensors& in) {
    const at::Tensor all = plain(in);
    return at::cat({all[0].transpose(0, 1).flatten(1), all[1].flatten(1).t().reshape({kTokens, -1}),
                    all[2].transpose(0, 2).flatten(1).reshape({kTokens, -1})},
                   1);
  };
  expect_agreement(by_head, expected, {projected(3), random({width}), random({width})},
                   random({kTokens, 3 * kHeads * width}), type);
}

TEST_P(HeadNorm, HeadsLieTokenByToken) {
  const auto parts = nn::split_heads(projected(2).to(at::TensorOptions(gpu()).dtype(type)), kHeads,
                                     {at::Tensor(), at::Tensor()}, kEpsilon);
  for (const at::Tensor& part : parts) EXPECT_TRUE(part.transpose(0, 1).is_contiguous());
}

TEST_P(HeadNorm, NoTokensGiveNoGradients) {
  const auto on_gpu = at::TensorOptions(gpu()).dtype(type);
  const at::Tensor nothing = at::zeros({0, kHeads * width}, on_gpu).requires_grad_();
  const at::Tensor weight = at::ones({width}, on_gpu).requires_grad_();
  nn::split_heads(nothing, kHeads, {weight}, kEpsilon)[0].sum().backward();
  EXPECT_TRUE(at::equal(weight.grad(), at::zeros_like(weight)));
}

INSTANTIATE_TEST_SUITE_P(Types, HeadNorm,
                         testing::Combine(testing::Values(at::kFloat, at::kBFloat16),
                                          testing::Values(40, 42, 45, 64, 72, 128, 256)),
                         [](const auto& which) {
                           return fmt::format("{}_{}", at::toString(std::get<0>(which.param)),
                                              std::get<1>(which.param));
                         });

}  // namespace
}  // namespace dfm
