// Flow matching: how levels are drawn, and what the loss is. The samplers are compared with diffusers in
// tests/interop.
#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "config/keys.h"
#include "diffusion/flow.h"
#include "support/errors.h"
#include "support/tensors.h"

namespace dfm::diffusion {
namespace {

using dfm::testing::error_of;
using Sampling = FlowSettings::Sampling;

constexpr double kNever = 1;  // of LevelDraws::choice: above every share

TEST(FlowLevel, OfALogitNormalDrawIsItsSigmoidShifted) {
  const FlowSettings settings{.logit_mean = 0.3, .logit_std = 1.5, .shift = 2.5};
  const double u = 1 / (1 + std::exp(-(0.3 + 1.5 * -0.75)));
  EXPECT_NEAR(flow_level({-0.75F, 0.1, kNever}, settings), 2.5 * u / (1 + 1.5 * u), 1e-12);
}

TEST(FlowLevel, IsDrawnEvenlyForItsShareOfSamples) {
  const FlowSettings settings{.shift = 1, .mix_uniform_ratio = 0.2};
  EXPECT_NEAR(flow_level({-0.75F, 0.1, 0.19}, settings), 0.1, 1e-12);
  EXPECT_NE(flow_level({-0.75F, 0.1, 0.21}, settings), 0.1);
  EXPECT_NEAR(flow_level({-0.75F, 0.1, kNever}, {.sampling = Sampling::uniform, .shift = 1}), 0.1, 1e-12);
}

TEST(FlowLevel, OfModeIsTheReferencesFormula) {
  const FlowSettings settings{.sampling = Sampling::mode, .shift = 1};
  const double v = 0.3;
  const double expected = 1 - v - 1.29 * (std::pow(std::cos(std::numbers::pi * v / 2), 2) - 1 + v);
  EXPECT_NEAR(flow_level({0, v, kNever}, settings), expected, 1e-12);
}

TEST(FlowLevel, StaysWithinItsBoundsAndAboveZero) {
  const FlowSettings settings{.sampling = Sampling::uniform, .shift = 3, .sigma_min = 0.2, .sigma_max = 0.7};
  EXPECT_EQ(flow_level({0, 0.999, kNever}, settings), 0.7);
  EXPECT_EQ(flow_level({0, 0.001, kNever}, settings), 0.2);
  EXPECT_NEAR(flow_level({0, 1e-9, kNever}, {.sampling = Sampling::uniform, .shift = 1}), 1e-5, 1e-12);
}

TEST(FlowObjective, DrawsTheLevelsThatItsDistributionSays) {
  std::vector<LevelDraws> draws;
  for (std::uint64_t i = 0; i < 20000; ++i) draws.push_back(level_draws(Philox(3, Stream::noise_level, i)));
  const FlowSettings settings{.logit_std = 1.5, .shift = 1, .mix_uniform_ratio = 0.2};
  const at::Tensor levels = flow_objective(settings).levels(draws).to(at::kDouble);
  // P(u < 0.1): a fifth of 0.1, and four fifths of Phi(logit(0.1) / 1.5).
  const double tail = 0.2 * 0.1 + 0.8 * 0.5 * std::erfc(std::log(9.0) / 1.5 / std::numbers::sqrt2);
  EXPECT_NEAR((levels < 0.1).to(at::kDouble).mean().item<double>(), tail, 0.01);
  EXPECT_NEAR(levels.mean().item<double>(), 0.5, 0.01);
}

TEST(FlowObjective, IsTheWeightedErrorOfTheVelocity) {
  testing::Normals normals(3);
  const nn::PackLayout layout({2, 3}, {1, 1});
  const at::Tensor latent = normals({5, 4}), noise = normals({5, 4}), level = at::tensor({0.25F, 0.75F});
  at::Tensor seen, told;
  const Network network = [&](const at::Tensor& x, const at::Tensor& t) {
    seen = x;
    told = t;
    return x * 2;
  };
  const at::Tensor losses =
      flow_objective({.shift = 3}).token_losses(network, {latent, noise, level}, layout);
  EXPECT_TRUE(at::allclose(told, at::tensor({250.0F, 750.0F})));
  for (std::int64_t token = 0; token < 5; ++token) {
    const double sigma = token < 2 ? 0.25 : 0.75;
    const at::Tensor x = (1 - sigma) * latent[token] + sigma * noise[token];
    EXPECT_LT(testing::relative_error(seen[token], x), 1e-6);
    const at::Tensor error = (2 * x - (noise[token] - latent[token])).square().mean() * (1 + 3 * sigma);
    EXPECT_LT(testing::relative_error(losses[token], error), 1e-5) << token;
  }
}

TEST(FlowObjective, JudgesAtShiftedLevelsOfEqualShares) {
  const auto levels = flow_objective({.shift = 3}).spread_levels(2);
  EXPECT_NEAR(levels.at(0), shifted(0.25, 3), 1e-12);
  EXPECT_NEAR(levels.at(1), shifted(0.75, 3), 1e-12);
}

TEST(FlowSettings, WithoutRoomBetweenTheBoundsAreRefused) {
  Config config(all_keys());
  config.apply({{"diffusion.sigma_min", "0.5", "test"}, {"diffusion.sigma_max", "0.5", "test"}});
  EXPECT_EQ(error_of([&] { flow_settings(config); }).kind(), ExitCode::usage);
}

TEST(ObjectiveKind, IsThatOfTheFamilyUnlessGiven) {
  const auto kind = [](const Layer& layer) {
    Config config(all_keys());
    config.apply(layer);
    return objective_kind(config);
  };
  EXPECT_EQ(kind({}), ObjectiveKind::edm);
  EXPECT_EQ(kind({{"model.family", "wan", "test"}}), ObjectiveKind::flow);
  EXPECT_EQ(kind({{"model.family", "wan", "test"}, {"diffusion.objective", "edm", "test"}}),
            ObjectiveKind::edm);
  EXPECT_EQ(kind({{"diffusion.objective", "flow", "test"}}), ObjectiveKind::flow);
}

}  // namespace
}  // namespace dfm::diffusion
