#include "diffusion/edm.h"

#include <cmath>

namespace dfm::diffusion {

EdmSettings edm_settings(const Config& config) {
  return {config.real("diffusion.sigma_data"), config.real("diffusion.p_mean"),
          config.real("diffusion.p_std")};
}

Scalings scalings(const at::Tensor& sigma, double sigma_data) {
  const at::Tensor total = sigma.square() + sigma_data * sigma_data;
  return {.skip = sigma_data * sigma_data / total,
          .out = sigma * sigma_data / total.sqrt(),
          .in = total.rsqrt(),
          .noise = sigma.log() / 4,
          .weight = total / (sigma * sigma_data).square()};
}

at::Tensor noise_level(const at::Tensor& standard_normal, const EdmSettings& settings) {
  return (standard_normal * settings.p_std + settings.p_mean).exp();
}

namespace {

at::Tensor column(const at::Tensor& per_sample, const nn::PackLayout& layout) {
  return layout.per_token(per_sample).unsqueeze(1);
}

}  // namespace

at::Tensor denoise(const Network& network, const at::Tensor& x, const at::Tensor& sigma, double sigma_data,
                   const nn::PackLayout& layout) {
  const Scalings c = scalings(sigma, sigma_data);
  const at::Tensor output = network(column(c.in, layout) * x, c.noise).to(at::kFloat);
  return column(c.skip, layout) * x + column(c.out, layout) * output;
}

at::Tensor token_losses(const Network& network, const at::Tensor& latent, const at::Tensor& noise,
                        const at::Tensor& sigma, double sigma_data, const nn::PackLayout& layout) {
  const Scalings c = scalings(sigma, sigma_data);
  const at::Tensor level = column(sigma, layout), scale = column(c.in, layout);
  const at::Tensor noisy = latent * sigma_data + level * noise;
  const at::Tensor target = (level * latent - sigma_data * noise) * scale;
  const at::Tensor output = network(scale * noisy, c.noise).to(at::kFloat);
  return (output - target).square().mean(1);
}

namespace {

// Quantile of the standard normal, by bisection of its distribution function: exact enough and obviously
// right.
double normal_quantile(double probability) {
  double low = -10, high = 10;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (0.5 * std::erfc(-middle / std::sqrt(2.0)) < probability ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace

std::vector<double> level_quantiles(const EdmSettings& settings, std::size_t count) {
  std::vector<double> levels;
  for (std::size_t i = 0; i < count; ++i) {
    const double probability = (static_cast<double>(i) + 0.5) / static_cast<double>(count);
    levels.push_back(std::exp(settings.p_mean + settings.p_std * normal_quantile(probability)));
  }
  return levels;
}

Objective edm_objective(const EdmSettings& settings) {
  Objective objective;
  objective.levels = [settings](const std::vector<LevelDraws>& draws) {
    std::vector<float> normals;
    for (const LevelDraws& each : draws) normals.push_back(each.normal);
    return noise_level(at::tensor(normals), settings);
  };
  objective.token_losses = [settings](const Network& network, const NoisyTokens& tokens,
                                      const nn::PackLayout& layout) {
    return token_losses(network, tokens.latent, tokens.noise, tokens.level, settings.sigma_data, layout);
  };
  objective.spread_levels = [settings](std::size_t count) { return level_quantiles(settings, count); };
  return objective;
}

}  // namespace dfm::diffusion
