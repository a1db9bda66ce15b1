// Flow-matching training (Lipman et al., "Flow matching for generative modeling"; spec/dfm.md section 3.5): a
// sample moves on a straight line from its latent (level 0) to noise (level 1), and the network learns its
// velocity.
#pragma once

#include "config/config.h"
#include "diffusion/objective.h"

namespace dfm::diffusion {

// The network sees levels as timesteps of 0 to 1000.
inline constexpr double kTimesteps = 1000;

struct FlowSettings {
  enum class Sampling { uniform, logit_normal, mode };
  Sampling sampling = Sampling::logit_normal;
  double logit_mean = 0;
  double logit_std = 1;
  double mode_scale = 1.29;
  double shift = 3;                // > 1 moves levels towards noise
  double mix_uniform_ratio = 0.1;  // share of samples whose level is drawn evenly, before the shift
  double sigma_min = 0;
  double sigma_max = 1;
  bool weighting = true;  // of the loss, by 1 + shift sigma
};

// Throws a usage error for levels without room between them.
FlowSettings flow_settings(const Config& config);

// The level of even chance u in (0, 1), moved: shift / (shift + 1/u - 1).
double shifted(double u, double shift);

double flow_level(const LevelDraws& draws, const FlowSettings& settings);

Objective flow_objective(const FlowSettings& settings);

}  // namespace dfm::diffusion
