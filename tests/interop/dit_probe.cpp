// dit_probe IN OUT: runs a DiT on what a safetensors file holds, for comparison with the same in Python.
//
// IN: metadata `model` (a JSON object of model.* keys) and `threads`; tensors param.NAME, latent [S, f],
// noise [S, f], sigma [n], text [T, c], positions [S, 3], tokens [n], rows [n] (lengths), mask [S]. OUT:
// network, denoised, loss, and grad.NAME of every parameter that has a gradient.
#include <ATen/Parallel.h>

#include "diffusion/edm.h"
#include "interop/probe.h"
#include "model/dit.h"

int main(int, char** argv) {
  using namespace dfm;
  const ckpt::SafetensorsFile file(argv[1]);
  const auto tensor = [&](const std::string& name) { return probe::tensor(file, name); };
  at::set_num_threads(std::stoi(file.metadata().at("threads")));

  nn::ParameterList parameters;
  const model::Dit dit(model::dit_shape(probe::config_of(file)), parameters);
  parameters.materialize(tensor("param.x_embedder.weight").scalar_type());
  probe::fill(parameters, file);

  const nn::PackLayout layout = probe::layout_of(file);
  const at::Tensor latent = tensor("latent"), noise = tensor("noise"), sigma = tensor("sigma"),
                   mask = tensor("mask");
  at::Tensor output;
  const diffusion::Network network = [&](const at::Tensor& tokens, const at::Tensor& c_noise) {
    output = dit.forward({tokens, tensor("positions"), c_noise, tensor("text")}, layout);
    return output;
  };
  const at::Tensor losses = diffusion::token_losses(network, latent, noise, sigma, 0.5, layout);
  const at::Tensor loss = (losses * mask).sum() / mask.sum();
  loss.backward();
  const at::Tensor noisy = latent * 0.5 + layout.per_token(sigma).unsqueeze(1) * noise;

  probe::Results results{{"network", output},
                         {"denoised", diffusion::denoise(network, noisy, sigma, 0.5, layout)},
                         {"loss", loss}};
  probe::add_gradients(results, parameters);
  probe::write(argv[2], results);
  return 0;
}
