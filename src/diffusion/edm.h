// EDM training (Karras et al., "Elucidating the design space of diffusion-based generative models";
// spec/dfm.md section 2.1): noise levels, preconditioning, and the loss.
#pragma once

#include <vector>

#include "config/config.h"
#include "diffusion/objective.h"
#include "nn/pack.h"

namespace dfm::diffusion {

struct EdmSettings {
  double sigma_data = 0.5;
  double p_mean = 0.0;
  double p_std = 1.0;
};

EdmSettings edm_settings(const Config& config);

// Coefficients at noise level sigma, in its shape and dtype.
struct Scalings {
  at::Tensor skip, out, in, noise, weight;
};

Scalings scalings(const at::Tensor& sigma, double sigma_data);

// ln(sigma) ~ Normal(p_mean, p_std) for a standard normal draw.
at::Tensor noise_level(const at::Tensor& standard_normal, const EdmSettings& settings);

// Noise levels at the midpoints of equal shares of the training distribution.
std::vector<double> level_quantiles(const EdmSettings& settings, std::size_t count);

// The network of all that follows takes scaled tokens and c_noise.

// The estimate of x0: c_skip x + c_out F(c_in x, c_noise). x [S, f] float32, sigma [n] float32 -> [S, f]
// float32.
at::Tensor denoise(const Network& network, const at::Tensor& x, const at::Tensor& sigma, double sigma_data,
                   const nn::PackLayout& layout);

// Weighted squared error of the x0 estimate, mean over the features of a token -> [S] float32.
// latent [S, f]: unit-variance tokens; noise [S, f] standard normal; sigma [n]. All float32.
// Computed as |F - F*|^2 with F* = (sigma x0 / s - s noise) / sqrt(sigma^2 + s^2), which equals
// weight (x0 - D)^2 because weight c_out^2 = 1, without its cancellation at small sigma.
at::Tensor token_losses(const Network& network, const at::Tensor& latent, const at::Tensor& noise,
                        const at::Tensor& sigma, double sigma_data, const nn::PackLayout& layout);

Objective edm_objective(const EdmSettings& settings);

}  // namespace dfm::diffusion
