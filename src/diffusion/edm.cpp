#include "diffusion/edm.h"

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

}  // namespace dfm::diffusion
