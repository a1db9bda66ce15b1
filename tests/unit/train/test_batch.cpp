// From samples to the tensors of a step: what is drawn for a sample belongs to its position, not to its pack.
#include <cmath>

#include <gtest/gtest.h>

#include "config/keys.h"
#include "nn/array_bridge.h"
#include "train/batch.h"
#include "unit/train/tiny_training.h"

namespace dfm::train {
namespace {

using Pack = std::vector<data::PositionedSample>;

const model::PatchShape kShape = tiny_model().patches;

// The samples of these numbers, each at a position of 100 more.
Pack pack_of(const std::vector<std::int64_t>& numbers) {
  const data::SampleSource source = tiny_source();
  Pack pack;
  for (const std::int64_t i : numbers) pack.push_back({100 + i, source.read(i).value()});
  return pack;
}

at::Tensor tokens_of(const PackTensors& tensors, const at::Tensor& rows, std::size_t sample) {
  return rows.narrow(0, tensors.layout.token_begins()[sample], tensors.layout.token_counts()[sample]);
}

at::Tensor text_of(const PackTensors& tensors, std::size_t sample) {
  return tensors.text.narrow(0, tensors.layout.text_begins()[sample], tensors.layout.text_counts()[sample]);
}

TEST(PackTensors, HoldTheSamplesOneAfterTheOther) {
  const Pack pack = pack_of({4, 1, 8});
  const PackTensors tensors =
      pack_tensors(pack, {.objective = diffusion::edm_objective({}), .text_dropout = 0}, kShape);
  ASSERT_EQ(tensors.layout.samples(), 3);
  for (std::size_t i = 0; i < pack.size(); ++i) {
    const data::Sample& sample = pack[i].sample;
    const at::Tensor latent = model::patchify(nn::to_tensor(sample.latent), kShape);
    EXPECT_TRUE(at::equal(tokens_of(tensors, tensors.latent, i), latent));
    EXPECT_TRUE(at::equal(text_of(tensors, i), nn::to_tensor(sample.text)));
    EXPECT_TRUE(at::equal(tokens_of(tensors, tensors.positions, i),
                          model::token_positions(model::patch_grid(sample.latent.shape, kShape))));
  }
}

TEST(PackTensors, GiveASampleTheSameDrawsInAnyCompany) {
  const NoiseSettings settings{.objective = diffusion::edm_objective({}), .text_dropout = 0.5, .seed = 11};
  const PackTensors together = pack_tensors(pack_of({0, 3, 5, 6, 9, 10}), settings, kShape);
  const std::vector<std::int64_t> numbers{10, 5, 0};
  const std::vector<std::size_t> places{5, 2, 0};
  const PackTensors some = pack_tensors(pack_of(numbers), settings, kShape);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    EXPECT_TRUE(at::equal(some.sigma[static_cast<std::int64_t>(i)],
                          together.sigma[static_cast<std::int64_t>(places[i])]));
    EXPECT_TRUE(at::equal(tokens_of(some, some.noise, i), tokens_of(together, together.noise, places[i])));
    EXPECT_TRUE(at::equal(text_of(some, i), text_of(together, places[i])));
  }
}

TEST(PackTensors, DrawAnewForTheSameSampleAtAnotherPosition) {
  Pack pack = pack_of({4, 4});
  pack[1].position = 7;
  const PackTensors tensors = pack_tensors(pack, {}, kShape);
  EXPECT_FALSE(at::equal(tokens_of(tensors, tensors.noise, 0), tokens_of(tensors, tensors.noise, 1)));
  EXPECT_NE(tensors.sigma[0].item<float>(), tensors.sigma[1].item<float>());
}

TEST(PackTensors, DrawAnewWithAnotherSeed) {
  const Pack pack = pack_of({4});
  const PackTensors one = pack_tensors(pack, {.objective = diffusion::edm_objective({}), .seed = 1}, kShape),
                    two = pack_tensors(pack, {.objective = diffusion::edm_objective({}), .seed = 2}, kShape);
  EXPECT_FALSE(at::equal(one.noise, two.noise));
  EXPECT_FALSE(at::equal(one.sigma, two.sigma));
}

// The same latent cell gets the same noise whatever the patch size is.
TEST(PackTensors, DrawTheNoiseOfTheLatentNotOfTheTokens) {
  model::PatchShape fine = kShape;
  fine.spatial = 1;
  const Pack pack = pack_of({5});
  const auto grid = [&](const model::PatchShape& shape) {
    return model::patch_grid(pack[0].sample.latent.shape, shape);
  };
  EXPECT_TRUE(at::equal(model::unpatchify(pack_tensors(pack, {}, kShape).noise, grid(kShape), kShape),
                        model::unpatchify(pack_tensors(pack, {}, fine).noise, grid(fine), fine)));
}

constexpr std::int64_t kMany = 4000;

// The same small sample at many positions.
PackTensors many(const NoiseSettings& settings) {
  Pack pack = pack_of({0});
  for (std::int64_t i = 1; i < kMany; ++i) pack.push_back({i, pack[0].sample});
  return pack_tensors(pack, settings, kShape);
}

TEST(PackTensors, DrawLogNormalNoiseLevels) {
  const NoiseSettings settings{.objective = diffusion::edm_objective({.p_mean = -1.2, .p_std = 0.8})};
  const at::Tensor logarithms = many(settings).sigma.to(at::kDouble).log();
  EXPECT_NEAR(logarithms.mean().item<double>(), -1.2, 5 * 0.8 / std::sqrt(kMany));
  EXPECT_NEAR(logarithms.std().item<double>(), 0.8, 5 * 0.8 / std::sqrt(2.0 * kMany));
}

TEST(PackTensors, DropTheWholeTextOfTheAskedShareOfSamples) {
  const PackTensors tensors = many({.objective = diffusion::edm_objective({}), .text_dropout = 0.3});
  const at::Tensor norms = tensors.text.abs().sum(1);  // sample 0 has one row
  const double dropped = (norms == 0).to(at::kDouble).mean().item<double>();
  EXPECT_NEAR(dropped, 0.3, 5 * std::sqrt(0.3 * 0.7 / kMany));
}

TEST(PackTensors, DropAllOrNothingAtTheEndsOfTheRange) {
  EXPECT_EQ(
      pack_tensors(pack_of({2, 5}), {.objective = diffusion::edm_objective({}), .text_dropout = 1}, kShape)
          .text.abs()
          .max()
          .item<float>(),
      0);
  EXPECT_GT(many({.objective = diffusion::edm_objective({}), .text_dropout = 0})
                .text.abs()
                .sum(1)
                .min()
                .item<float>(),
            0);
}

TEST(PackTensors, ShareTheDrawsOfTheFirstSampleWhenOnePackHasOneLevel) {
  const Pack pack = pack_of({6, 2, 9, 4});
  NoiseSettings settings{.objective = diffusion::edm_objective({}), .text_dropout = 0.5};
  const at::Tensor alone = pack_tensors(pack, settings, kShape).sigma;
  settings.sharing = NoiseSharing::per_pack;
  const PackTensors tensors = pack_tensors(pack, settings, kShape);
  EXPECT_TRUE(at::equal(tensors.sigma, alone[0].expand({4})));
  const at::Tensor is_dropped = tensors.text.abs().sum(1) == 0;
  EXPECT_TRUE(is_dropped.all().item<bool>() || !is_dropped.any().item<bool>());
}

TEST(ValidationTensors, KeepAllTextAndTakeTheLevelsThatAreGiven) {
  const Pack pack = pack_of({1, 2});
  const PackTensors tensors = validation_tensors(pack, {0.25, 8}, kShape, 5);
  EXPECT_TRUE(at::equal(tensors.sigma, at::tensor({0.25F, 8.0F})));
  EXPECT_TRUE(at::equal(
      tensors.text,
      pack_tensors(pack, {.objective = diffusion::edm_objective({}), .text_dropout = 0}, kShape).text));
}

TEST(ValidationTensors, HaveNoiseOfTheirOwn) {
  const Pack pack = pack_of({1});
  EXPECT_FALSE(
      at::equal(validation_tensors(pack, {1}, kShape, 5).noise,
                pack_tensors(pack, {.objective = diffusion::edm_objective({}), .seed = 5}, kShape).noise));
}

TEST(NoiseSettings, ComeFromTheConfiguration) {
  Config config(all_keys());
  config.apply({{"diffusion.noise_level", "per_pack", "test"},
                {"diffusion.text_dropout", "0.75", "test"},
                {"rng.seed", "99", "test"}});
  const NoiseSettings settings = noise_settings(config);
  EXPECT_EQ(settings.sharing, NoiseSharing::per_pack);
  EXPECT_EQ(settings.text_dropout, 0.75);
  EXPECT_EQ(settings.seed, 99U);
}

}  // namespace
}  // namespace dfm::train
