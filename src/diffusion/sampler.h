// The EDM samplers: Euler and true second-order Heun steps over a fixed grid of noise levels (spec/dfm.md
// section 2.3; Karras et al., algorithms 1 and 2). The reference's "second-order" step equals its Euler step
// at twice the cost; `euler` gives its results, `heun` is the correct second-order one.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "config/config.h"
#include "nn/torch_header.h"

namespace dfm::diffusion {

struct SamplerSettings {
  std::int64_t steps = 35;
  double sigma_min = 0.002;
  double sigma_max = 80;
  double rho = 7;
  double churn = 0;
  bool second_order = true;
};

SamplerSettings sampler_settings(const Config& config);

// sigma_i for i = 0 .. steps-1, then 0.
std::vector<double> noise_levels(const SamplerSettings& settings);

// Estimate of x0 at noise level sigma; x and the result in float64, any shape.
using Denoiser = std::function<at::Tensor(const at::Tensor& x, double sigma)>;
// Standard normal numbers in the shape of x for the churn of a step; only called with churn > 0.
using ChurnNoise = std::function<at::Tensor(std::int64_t step)>;
// Called after each step with its number (1-based) and the state; false ends the sampling early.
using StepCallback = std::function<bool(std::int64_t step, const at::Tensor& x)>;

// noise: standard normal, float64. Returns x at noise level 0, or an undefined tensor when the callback ended
// it.
at::Tensor sample(const Denoiser& denoiser, const at::Tensor& noise, const SamplerSettings& settings,
                  const ChurnNoise& churn_noise, const StepCallback& after_step);

}  // namespace dfm::diffusion
