// Validation: levels, and a loss that depends on weights and samples alone.
#include <array>
#include <cmath>

#include <gtest/gtest.h>

#include "train/validation.h"
#include "unit/train/one_rank.h"
#include "unit/train/tiny_training.h"

namespace dfm::train {
namespace {

using dfm::testing::one_rank_groups;

// The standard normal's quantiles at 1/16, 3/16, ..., 15/16: Python's statistics.NormalDist().inv_cdf.
constexpr std::array kQuantiles{-1.5341205443525459,  -0.8871465590188758, -0.4887764111146694,
                                -0.15731068461017067, 0.15731068461017067, 0.4887764111146694,
                                0.8871465590188758,   1.5341205443525459};

ValidationResult validated(const model::Backbone& network, const ValidationSettings& settings) {
  const dfm::testing::Threads one_thread(1);
  return validate(network, tiny_source(), settings, diffusion::edm_objective({}), one_rank_groups());
}

model::SmallDit small_model() { return model::SmallDit(tiny_model()); }

TEST(ValidationSigmas, AreTheMidpointsOfEqualSharesOfTheTrainingDistribution) {
  const auto sigmas = diffusion::level_quantiles({.p_mean = -1.2, .p_std = 1.2}, kQuantiles.size());
  ASSERT_EQ(sigmas.size(), kQuantiles.size());
  for (std::size_t i = 0; i < sigmas.size(); ++i) {
    EXPECT_NEAR(std::log(sigmas[i]), -1.2 + 1.2 * kQuantiles[i], 1e-12);
  }
}

TEST(Validate, GivesTheSameBitsEachTime) {
  const model::SmallDit model = small_model();
  const ValidationResult once = validated(model.network, {20, 16, 4}),
                         again = validated(model.network, {20, 16, 4});
  EXPECT_GT(once.loss, 0);
  EXPECT_EQ(once.loss, again.loss);
  EXPECT_EQ(once.loss_at_sigma, again.loss_at_sigma);
}

TEST(Validate, DoesNotDependOnHowTheSamplesArePacked) {
  const model::SmallDit model = small_model();
  const double expected = validated(model.network, {20, 1, 4}).loss;
  for (const std::int64_t capacity : {13, 40, 100000}) {
    EXPECT_NEAR(validated(model.network, {20, capacity, 4}).loss, expected, 1e-6 * expected) << capacity;
  }
}

TEST(Validate, TakesNoiseFromTheSeed) {
  const model::SmallDit model = small_model();
  EXPECT_NE(validated(model.network, {20, 16, 4}).loss, validated(model.network, {20, 16, 5}).loss);
}

TEST(Validate, LooksAtNoMoreSamplesThanThereAre) {
  const model::SmallDit model = small_model();
  EXPECT_EQ(validated(model.network, {20, 16, 4}).loss, validated(model.network, {1000, 16, 4}).loss);
}

TEST(Validate, JudgesSampleAfterSampleAtLevelAfterLevel) {
  const model::SmallDit model = small_model();
  EXPECT_EQ(validated(model.network, {3, 16, 4}).loss_at_sigma.size(), 3U);
  const ValidationResult all = validated(model.network, {20, 16, 4});
  ASSERT_EQ(all.loss_at_sigma.size(), kQuantiles.size());
  std::size_t level = 0;
  for (const auto& [sigma, loss] : all.loss_at_sigma) {
    EXPECT_NEAR(std::log(sigma), kQuantiles[level++], 1e-12);
    EXPECT_GT(loss, 0);
  }
}

TEST(Validate, GivesTheMeanOverAllTokens) {
  const model::SmallDit model = small_model();
  const ValidationResult result = validated(model.network, {16, 16, 4});
  std::vector<double> tokens(kQuantiles.size(), 0.0);
  for (std::int64_t i = 0; i < 16; ++i) {
    tokens[static_cast<std::size_t>(i % 8)] += static_cast<double>(
        model::patch_grid(data::latent_shape(tiny_shape(i)), tiny_model().patches).tokens());
  }
  double sum = 0, count = 0;
  std::size_t level = 0;
  for (const auto& [sigma, loss] : result.loss_at_sigma) {
    sum += loss * tokens[level];
    count += tokens[level++];
  }
  EXPECT_NEAR(result.loss, sum / count, 1e-12 * result.loss);
}

// golden/derived.md B3: the expected loss of a network that gives zero is 1 at every level.
TEST(Validate, OfANetworkOfZerosIsOneAtEveryLevel) {
  nn::ParameterList parameters;
  const model::Backbone network = model::dit_spec(tiny_model()).build(parameters);
  parameters.materialize(at::kFloat);
  const data::SampleSource source = data::mock_source({400, {4, 2, 8, 8}, 1, 24}, 3);
  const auto result =
      validate(network, source, {400, 2000, 4}, diffusion::edm_objective({}), one_rank_groups());
  EXPECT_EQ(result.loss_at_sigma.size(), 8U);
  for (const auto& [sigma, loss] : result.loss_at_sigma) EXPECT_NEAR(loss, 1, 0.05) << "sigma " << sigma;
}

}  // namespace
}  // namespace dfm::train
