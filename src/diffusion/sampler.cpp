#include "diffusion/sampler.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <fmt/core.h>

#include "core/error.h"

namespace dfm::diffusion {

SamplerSettings sampler_settings(const Config& config) {
  SamplerSettings settings;
  settings.steps = config.integer("sample.num_steps");
  settings.sigma_min = config.real("sample.sigma_min");
  settings.sigma_max = config.real("sample.sigma_max");
  settings.rho = config.real("sample.rho");
  settings.churn = config.real("sample.s_churn");
  settings.second_order = config.text("sample.sampler") != "euler";
  if (settings.sigma_min >= settings.sigma_max) {
    throw usage_error(fmt::format("sample.sigma_min = {} is not below sample.sigma_max = {}",
                                  settings.sigma_min, settings.sigma_max));
  }
  return settings;
}

std::vector<double> noise_levels(const SamplerSettings& settings) {
  const double from = std::pow(settings.sigma_max, 1 / settings.rho);
  const double to = std::pow(settings.sigma_min, 1 / settings.rho);
  std::vector<double> levels;
  for (std::int64_t i = 0; i < settings.steps; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(settings.steps - 1);
    levels.push_back(std::pow(from + share * (to - from), settings.rho));
  }
  levels.push_back(0);
  return levels;
}

namespace {

// Raises the noise level by the churn: x + sqrt(higher^2 - sigma^2) noise.
struct Raised {
  at::Tensor x;
  double sigma;
};

Raised raise(const at::Tensor& x, double sigma, std::int64_t step, const SamplerSettings& settings,
             const ChurnNoise& churn_noise) {
  if (settings.churn == 0) return {x, sigma};
  const double gamma =
      std::min(settings.churn / static_cast<double>(settings.steps), std::numbers::sqrt2 - 1);
  const double higher = sigma * (1 + gamma);
  return {x + std::sqrt(higher * higher - sigma * sigma) * churn_noise(step), higher};
}

}  // namespace

at::Tensor sample(const Denoiser& denoiser, const at::Tensor& noise, const SamplerSettings& settings,
                  const ChurnNoise& churn_noise, const StepCallback& after_step) {
  const std::vector<double> levels = noise_levels(settings);
  at::Tensor x = noise.to(at::kDouble) * levels.front();
  for (std::int64_t i = 0; i < settings.steps; ++i) {
    const auto [start, sigma] = raise(x, levels[i], i, settings, churn_noise);
    const double next = levels[i + 1];
    const at::Tensor slope = (start - denoiser(start, sigma)) / sigma;
    x = start + (next - sigma) * slope;
    if (settings.second_order && next > 0) {
      const at::Tensor slope_there = (x - denoiser(x, next)) / next;
      x = start + (next - sigma) * 0.5 * (slope + slope_there);
    }
    if (!after_step(i + 1, x)) return {};
  }
  return x;
}

}  // namespace dfm::diffusion
