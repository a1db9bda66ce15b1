// Samplers of flow matching: Euler steps, and UniPC of second order (Zhao et al., "UniPC: a unified
// predictor-corrector framework"; spec/dfm.md section 3.6), which the users of WAN have: "bh2", predicting
// x0, of lower order at both ends.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "config/config.h"
#include "diffusion/sampler.h"

namespace dfm::diffusion {

struct FlowSamplerSettings {
  std::int64_t steps = 50;
  double shift = 5;
  bool multistep = true;  // UniPC; otherwise Euler
};

FlowSamplerSettings flow_sampler_settings(const Config& config);

struct FlowGrid {
  std::vector<double> sigmas;     // of each step, then 0
  std::vector<double> timesteps;  // what the network is told at each step: whole numbers, as it learnt them
};

FlowGrid flow_grid(const FlowSamplerSettings& settings);

// Velocity at a timestep; x and the result in float64, any shape.
using Velocity = std::function<at::Tensor(const at::Tensor& x, double timestep)>;

// noise: standard normal. Returns x at level 0, float64, or an undefined tensor when the callback ended it.
at::Tensor sample_flow(const Velocity& velocity, const at::Tensor& noise, const FlowSamplerSettings& settings,
                       const StepCallback& after_step);

}  // namespace dfm::diffusion
