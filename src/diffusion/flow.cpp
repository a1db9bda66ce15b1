#include "diffusion/flow.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <fmt/core.h>

#include "core/error.h"

namespace dfm::diffusion {
namespace {

using Sampling = FlowSettings::Sampling;

Sampling sampling_of(const std::string& name) {
  if (name == "uniform") return Sampling::uniform;
  return name == "mode" ? Sampling::mode : Sampling::logit_normal;
}

// In (0, 1), before the shift.
double drawn(const LevelDraws& draws, const FlowSettings& settings) {
  if (settings.sampling == Sampling::uniform || draws.choice < settings.mix_uniform_ratio)
    return draws.uniform;
  if (settings.sampling == Sampling::logit_normal) {
    return 1 / (1 + std::exp(-(settings.logit_mean + settings.logit_std * draws.normal)));
  }
  const double v = draws.uniform, cosine = std::cos(std::numbers::pi * v / 2);
  return std::clamp(1 - v - settings.mode_scale * (cosine * cosine - 1 + v), 0.0, 1.0);
}

at::Tensor column(const at::Tensor& per_sample, const nn::PackLayout& layout) {
  return layout.per_token(per_sample).unsqueeze(1);
}

at::Tensor token_losses(const Network& network, const NoisyTokens& tokens, const nn::PackLayout& layout,
                        const FlowSettings& settings) {
  const at::Tensor level = column(tokens.level, layout);
  const at::Tensor noisy = (1 - level) * tokens.latent + level * tokens.noise;
  const at::Tensor velocity = network(noisy, tokens.level * kTimesteps).to(at::kFloat);
  const at::Tensor errors = (velocity - (tokens.noise - tokens.latent)).square().mean(1);
  return settings.weighting ? errors * (1 + settings.shift * level.squeeze(1)) : errors;
}

}  // namespace

FlowSettings flow_settings(const Config& config) {
  FlowSettings settings{.sampling = sampling_of(config.text("diffusion.timestep_sampling")),
                        .logit_mean = config.real("diffusion.logit_mean"),
                        .logit_std = config.real("diffusion.logit_std"),
                        .mode_scale = config.real("diffusion.mode_scale"),
                        .shift = config.real("diffusion.flow_shift"),
                        .mix_uniform_ratio = config.real("diffusion.mix_uniform_ratio"),
                        .sigma_min = config.real("diffusion.sigma_min"),
                        .sigma_max = config.real("diffusion.sigma_max"),
                        .weighting = config.flag("diffusion.use_loss_weighting")};
  if (settings.sigma_min < settings.sigma_max) return settings;
  throw usage_error(fmt::format("diffusion.sigma_min = {} is not below diffusion.sigma_max = {}",
                                settings.sigma_min, settings.sigma_max));
}

double shifted(double u, double shift) { return shift / (shift + 1 / u - 1); }

double flow_level(const LevelDraws& draws, const FlowSettings& settings) {
  static constexpr double kLeast = 1e-5;
  const double u = std::max(drawn(draws, settings), kLeast);
  return std::clamp(shifted(u, settings.shift), settings.sigma_min, settings.sigma_max);
}

Objective flow_objective(const FlowSettings& settings) {
  Objective objective;
  objective.levels = [settings](const std::vector<LevelDraws>& draws) {
    std::vector<float> levels;
    for (const LevelDraws& each : draws) levels.push_back(static_cast<float>(flow_level(each, settings)));
    return at::tensor(levels);
  };
  objective.token_losses = [settings](const Network& network, const NoisyTokens& tokens,
                                      const nn::PackLayout& layout) {
    return token_losses(network, tokens, layout, settings);
  };
  objective.spread_levels = [settings](std::size_t count) {
    std::vector<double> levels;
    for (std::size_t i = 0; i < count; ++i) {
      const double middle = (static_cast<double>(i) + 0.5) / static_cast<double>(count);
      levels.push_back(std::clamp(shifted(middle, settings.shift), settings.sigma_min, settings.sigma_max));
    }
    return levels;
  };
  return objective;
}

}  // namespace dfm::diffusion
