// split_wide_heads against plain tensors in float64.
#include "cuda/agreement.h"
#include "nn/rotary.h"
#include "nn/wide_heads.h"

namespace dfm {
namespace {

using namespace test;

constexpr double kEpsilon = 1e-5;

struct WideHeads : OnGpu,
                   testing::WithParamInterface<std::tuple<at::ScalarType, std::int64_t, std::int64_t>> {
  at::ScalarType type = std::get<0>(GetParam());
  std::int64_t heads = std::get<1>(GetParam()), width = std::get<2>(GetParam());
  std::int64_t tokens = 77;
  at::Tensor turns = nn::rotary_turns(at::randint(0, 100, {tokens, 3}, at::kLong), width);

  at::Tensor projected(std::int64_t parts) const { return random({tokens, heads * parts * width}); }
  at::Tensor weight() const { return random({heads * width}); }

  at::Tensor part_of(const at::Tensor& all, std::int64_t parts, std::int64_t part) const {
    return all.unflatten(1, {heads, parts, width}).select(2, part).flatten(1);
  }
  // [S, H * d] -> [H, S, d].
  at::Tensor as_heads(const at::Tensor& rows) const {
    return rows.unflatten(1, {heads, width}).transpose(0, 1);
  }
  at::Tensor normed(const at::Tensor& rows, const at::Tensor& factors) const {
    return as_heads(rows / (rows.square().mean(1, true) + kEpsilon).sqrt() * factors);
  }
  at::Tensor turned(const at::Tensor& each) const {
    const at::Tensor pairs = each.contiguous().unflatten(-1, {-1, 2});
    return at::view_as_real(at::view_as_complex(pairs) * turns.to(at::kComplexDouble)).flatten(-2);
  }
};

TEST_P(WideHeads, OfSelfAttentionAreNormalisedAndTurned) {
  const at::Tensor there = turns.to(gpu());
  expect_agreement(
      [&](const Tensors& in) {
        return at::stack(nn::split_wide_heads(in[0], {in[1], in[2], {}}, there, {heads, kEpsilon}));
      },
      [&](const Tensors& in) {
        return at::stack({turned(normed(part_of(in[0], 3, 0), in[1])),
                          turned(normed(part_of(in[0], 3, 1), in[2])), as_heads(part_of(in[0], 3, 2))});
      },
      {projected(3), weight(), weight()}, random({3, heads, tokens, width}), type);
}

TEST_P(WideHeads, OfCrossAttentionAreNormalised) {
  expect_agreement(
      [&](const Tensors& in) {
        return at::stack(nn::split_wide_heads(in[0], {in[1], {}}, {}, {heads, kEpsilon}));
      },
      [&](const Tensors& in) {
        return at::stack({normed(part_of(in[0], 2, 0), in[1]), as_heads(part_of(in[0], 2, 1))});
      },
      {projected(2), weight()}, random({2, heads, tokens, width}), type);
}

// Many tokens in a run of a block of threads.
TEST_P(WideHeads, OfManyTokensHaveTheSumsOfAllOfThem) {
  tokens = 2500;
  heads = 2;
  expect_agreement(
      [&](const Tensors& in) {
        return nn::split_wide_heads(in[0], {in[1]}, {}, {heads, kEpsilon})[0];
      },
      [&](const Tensors& in) { return normed(in[0], in[1]); }, {projected(1), weight()},
      random({heads, tokens, width}), type);
}

INSTANTIATE_TEST_SUITE_P(Types, WideHeads,
                         testing::Values(std::tuple(at::kFloat, 5, 42), std::tuple(at::kBFloat16, 5, 42),
                                         std::tuple(at::kFloat, 40, 128), std::tuple(at::kBFloat16, 40, 128),
                                         std::tuple(at::kBFloat16, 12, 72)),
                         [](const auto& which) {
                           return fmt::format("{}_{}x{}", at::toString(std::get<0>(which.param)),
                                              std::get<1>(which.param), std::get<2>(which.param));
                         });

}  // namespace
}  // namespace dfm
