// EDM coefficients against golden/derived.md B3, and the loss against its definition in float64.
#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "config/keys.h"
#include "diffusion/edm.h"
#include "support/tensors.h"

namespace dfm::diffusion {
namespace {

using dfm::testing::Normals;
using dfm::testing::relative_error;

struct Row {
  double sigma, skip, out, in, noise, weight;
};

const std::vector<Row> kRows{
    {0.002, 0.999984, 0.001999984, 1.999984, -1.55365202, 250004},
    {0.1, 0.961538462, 0.0980580676, 1.96116135, -0.575646273, 104},
    {0.5, 0.5, 0.353553391, 1.41421356, -0.173286795, 8},
    {1, 0.2, 0.447213595, 0.894427191, 0, 5},
    {2, 0.0588235294, 0.48507125, 0.48507125, 0.173286795, 4.25},
    {10, 0.00249376559, 0.499376169, 0.0998752339, 0.575646273, 4.01},
    {80, 3.90609742e-05, 0.499990235, 0.0124997559, 1.09550666, 4.00015625},
};

TEST(Scalings, AreThoseOfTheReference) {
  for (const Row& row : kRows) {
    for (const auto& [dtype, tolerance] : {std::pair{at::kDouble, 1e-8}, std::pair{at::kFloat, 1e-6}}) {
      const Scalings c = scalings(at::full({1}, row.sigma, dtype), 0.5);
      EXPECT_EQ(c.weight.scalar_type(), dtype);
      EXPECT_NEAR(c.skip.item<double>() / row.skip, 1, tolerance) << row.sigma;
      EXPECT_NEAR(c.out.item<double>() / row.out, 1, tolerance) << row.sigma;
      EXPECT_NEAR(c.in.item<double>() / row.in, 1, tolerance) << row.sigma;
      EXPECT_NEAR(c.noise.item<double>(), row.noise, tolerance) << row.sigma;
      EXPECT_NEAR(c.weight.item<double>() / row.weight, 1, tolerance) << row.sigma;
    }
  }
}

TEST(Scalings, KeepTheirIdentities) {
  const at::Tensor sigma = at::exp(at::linspace(-7, 5, 200, at::kDouble));
  for (const double sigma_data : {0.5, 1.0, 0.3}) {
    const Scalings c = scalings(sigma, sigma_data);
    EXPECT_TRUE(at::allclose(c.weight * c.out.square(), at::ones_like(sigma), 1e-12));
    EXPECT_TRUE(
        at::allclose(c.in * (sigma.square() + sigma_data * sigma_data).sqrt(), at::ones_like(sigma), 1e-12));
  }
}

TEST(NoiseLevel, IsLogNormal) {
  const at::Tensor sigma = noise_level(at::tensor({-1.0, 0.0, 2.0}, at::kDouble), {0.5, -1.2, 1.2});
  EXPECT_TRUE(at::allclose(sigma.log(), at::tensor({-2.4, -1.2, 1.2}, at::kDouble)));
}

TEST(EdmSettings, ComeFromTheKeysOfDiffusion) {
  Config config(all_keys());
  EXPECT_EQ(edm_settings(config).p_mean, 0.0);
  EXPECT_EQ(edm_settings(config).p_std, 1.0);
  config.apply({{"diffusion.p_mean", "-1.2", "test"},
                {"diffusion.p_std", "1.1", "test"},
                {"diffusion.sigma_data", "0.25", "test"}});
  const EdmSettings settings = edm_settings(config);
  EXPECT_EQ(settings.p_mean, -1.2);
  EXPECT_EQ(settings.p_std, 1.1);
  EXPECT_EQ(settings.sigma_data, 0.25);
}

// A pack of three samples with a noise level each, and a network that sees its input and its noise level.
class EdmPack : public ::testing::Test {
 protected:
  Normals normals_;
  const nn::PackLayout layout_{{5, 1, 9}, {1, 1, 1}};
  const at::Tensor latent_ = normals_({15, 8});
  const at::Tensor noise_ = normals_({15, 8});
  const at::Tensor sigma_ = at::tensor({0.05F, 1.5F, 30.0F});

  Network network() const {
    return [this](const at::Tensor& tokens, const at::Tensor& c_noise) {
      return at::sin(tokens * 1.3) + layout_.per_token(c_noise).to(tokens.scalar_type()).unsqueeze(1);
    };
  }
  at::Tensor column(const at::Tensor& per_sample) const { return layout_.per_token(per_sample).unsqueeze(1); }
};

TEST_F(EdmPack, DenoisesEachSampleAtItsOwnLevel) {
  const at::Tensor x = normals_({15, 8}) * 10;
  const Scalings c = scalings(sigma_.to(at::kDouble), 0.5);
  const at::Tensor wide = x.to(at::kDouble);
  const at::Tensor expected = column(c.skip) * wide + column(c.out) * network()(column(c.in) * wide, c.noise);
  EXPECT_LT(relative_error(denoise(network(), x, sigma_, 0.5, layout_), expected), 1e-5);
}

TEST_F(EdmPack, HasTheLossOfItsDefinition) {
  const Scalings c = scalings(sigma_.to(at::kDouble), 0.5);
  const at::Tensor x0 = latent_.to(at::kDouble) * 0.5;
  const at::Tensor noisy = x0 + column(sigma_.to(at::kDouble)) * noise_.to(at::kDouble);
  const at::Tensor estimate =
      column(c.skip) * noisy + column(c.out) * network()(column(c.in) * noisy, c.noise);
  const at::Tensor expected = (column(c.weight) * (x0 - estimate).square()).mean(1);
  const at::Tensor losses = token_losses(network(), latent_, noise_, sigma_, 0.5, layout_);
  EXPECT_EQ(losses.scalar_type(), at::kFloat);
  EXPECT_EQ(losses.sizes(), at::IntArrayRef({15}));
  EXPECT_LT(((losses - expected) / expected).abs().max().item<double>(), 1e-4);
}

TEST_F(EdmPack, KeepsTheLossAccurateAtTheSmallestLevel) {
  // There x0 - D cancels: in float32 the definition would be off by percents.
  const at::Tensor sigma = at::full({3}, 1e-4F);
  const Network zero = [](const at::Tensor& tokens, const at::Tensor&) { return at::zeros_like(tokens); };
  const at::Tensor s = sigma.to(at::kDouble)[0], x0 = latent_.to(at::kDouble) * 0.5;
  const Scalings c = scalings(s, 0.5);
  const at::Tensor error = x0 - c.skip * (x0 + s * noise_.to(at::kDouble));
  const at::Tensor expected = (c.weight * error.square()).mean(1);
  const at::Tensor losses = token_losses(zero, latent_, noise_, sigma, 0.5, layout_);
  EXPECT_LT(((losses - expected) / expected).abs().max().item<double>(), 1e-4);
}

TEST_F(EdmPack, HasNoLossWhereTheNetworkKnowsTheTarget) {
  const Scalings c = scalings(sigma_, 0.5);
  const at::Tensor target = (column(sigma_) * latent_ * 0.5 / 0.5 - 0.5 * noise_) * column(c.in);
  const Network oracle = [&](const at::Tensor&, const at::Tensor&) { return target; };
  EXPECT_LT(token_losses(oracle, latent_, noise_, sigma_, 0.5, layout_).max().item<double>(), 1e-10);
  const at::Tensor noisy = latent_ * 0.5 + column(sigma_) * noise_;
  EXPECT_LT(relative_error(denoise(oracle, noisy, sigma_, 0.5, layout_), latent_ * 0.5), 1e-5);
}

TEST_F(EdmPack, TakesANetworkOfBfloat16) {
  const Network rounded = [this](const at::Tensor& tokens, const at::Tensor& c_noise) {
    return network()(tokens, c_noise).to(at::kBFloat16);
  };
  EXPECT_EQ(token_losses(rounded, latent_, noise_, sigma_, 0.5, layout_).scalar_type(), at::kFloat);
  EXPECT_EQ(denoise(rounded, latent_, sigma_, 0.5, layout_).scalar_type(), at::kFloat);
}

}  // namespace
}  // namespace dfm::diffusion
