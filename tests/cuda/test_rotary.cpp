// Rotary positions on the GPU against plain tensors in float64.
#include "cuda/agreement.h"
#include "nn/rotary.h"

namespace dfm {
namespace {

using namespace test;

constexpr std::int64_t kTokens = 77, kHeads = 5;

// Each pair of features times a complex number.
at::Tensor plain(const at::Tensor& heads, const at::Tensor& turns) {
  const at::Tensor pairs = heads.contiguous().unflatten(-1, {-1, 2});
  return at::view_as_real(at::view_as_complex(pairs) * turns.cpu().to(at::kComplexDouble)).flatten(-2);
}

at::Tensor positions() { return at::randint(0, 200, {kTokens, 3}, at::kLong); }

struct Rotary : OnGpu, testing::WithParamInterface<std::tuple<at::ScalarType, std::int64_t>> {
  at::ScalarType type = std::get<0>(GetParam());
  std::int64_t width = std::get<1>(GetParam());
};

TEST_P(Rotary, TurnsOnTheGpuAreThoseOnTheCpu) {
  const at::Tensor where = positions();
  const at::Tensor there = nn::rotary_turns(where.to(gpu()), width), here = nn::rotary_turns(where, width);
  EXPECT_EQ(there.device(), gpu());
  EXPECT_LT((at::view_as_real(there).cpu() - at::view_as_real(here)).abs().max().item<float>(), 1.2e-7F);
}

TEST_P(Rotary, HeadsInAnyOrderAreTurnedAndTheirGradientsTurnedBack) {
  const at::Tensor turns = nn::rotary_turns(positions(), width), there = turns.to(gpu());
  expect_agreement([&](const Tensors& in) { return nn::turned(in[0], there); },
                   [&](const Tensors& in) { return plain(in[0], turns); }, {random({kHeads, kTokens, width})},
                   random({kHeads, kTokens, width}), type);
  expect_agreement([&](const Tensors& in) { return nn::turned(in[0].transpose(0, 1), there); },
                   [&](const Tensors& in) { return plain(in[0].transpose(0, 1), turns); },
                   {random({kTokens, kHeads, width})}, random({kHeads, kTokens, width}), type);
  expect_agreement(
      [&](const Tensors& in) {
        return nn::turned(in[0].permute({2, 1, 0}), there);
      },
      [&](const Tensors& in) {
        return plain(in[0].permute({2, 1, 0}), turns);
      },
      {random({width, kTokens, kHeads})}, random({kHeads, kTokens, width}), type);
}

TEST_P(Rotary, PartsOfAProjectionAreTurnedInPlace) {
  const at::Tensor turns = nn::rotary_turns(positions(), width), there = turns.to(gpu());
  const auto part = [&](const at::Tensor& all) {
    return all.unflatten(1, {kHeads, 3, width}).select(2, 1).transpose(0, 1);
  };
  expect_agreement([&](const Tensors& in) { return nn::turned(part(in[0]), there); },
                   [&](const Tensors& in) { return plain(part(in[0]), turns); },
                   {random({kTokens, kHeads * 3 * width})}, random({kHeads, kTokens, width}), type);
}

INSTANTIATE_TEST_SUITE_P(
    Types, Rotary, testing::Combine(testing::Values(at::kFloat, at::kBFloat16), testing::Values(42, 72, 128)),
    [](const auto& which) {
      return fmt::format("{}_{}", at::toString(std::get<0>(which.param)), std::get<1>(which.param));
    });

}  // namespace
}  // namespace dfm
