// dit_probe IN OUT: runs a DiT on what a safetensors file holds, for comparison with the same in Python.
//
// IN: metadata `shape` (a JSON object of model.* keys) and `threads`; tensors param.NAME, latent [S, f],
// noise [S, f], sigma [n], text [T, c], positions [S, 3], tokens [n], rows [n] (lengths), mask [S]. OUT:
// network, denoised, loss, and grad.NAME of every parameter that has a gradient.
#include <cstdio>

#include <ATen/Parallel.h>
#include <nlohmann/json.hpp>

#include "ckpt/safetensors.h"
#include "config/keys.h"
#include "core/json.h"
#include "diffusion/edm.h"
#include "model/dit.h"
#include "nn/array_bridge.h"

namespace {

using namespace dfm;

Config config_of(const ckpt::SafetensorsFile& file) {
  Config config(all_keys());
  Layer layer;
  const Json shape = parse_json(file.metadata().at("shape"), "shape");
  for (const auto& [key, value] : shape.items()) layer.push_back({"model." + key, value.dump(), "the test"});
  config.apply(layer);
  return config;
}

std::vector<std::int64_t> lengths(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<std::int64_t>(), tensor.const_data_ptr<std::int64_t>() + tensor.numel()};
}

void write(const std::string& path, const std::vector<std::pair<std::string, at::Tensor>>& tensors) {
  std::vector<ckpt::TensorEntry> entries;
  for (const auto& [name, tensor] : tensors) {
    entries.push_back({name, nn::dtype_of(tensor.scalar_type()), tensor.sizes().vec()});
  }
  ckpt::SafetensorsWriter writer(path, entries, {});
  for (const auto& [name, tensor] : tensors) writer.append(nn::to_array(tensor).bytes);
  writer.commit();
}

}  // namespace

int main(int, char** argv) {
  const ckpt::SafetensorsFile file(argv[1]);
  const auto tensor = [&](const std::string& name) { return nn::to_tensor(file.read(name)); };
  at::set_num_threads(std::stoi(file.metadata().at("threads")));

  nn::ParameterList parameters;
  const model::Dit dit(model::dit_shape(config_of(file)), parameters);
  parameters.materialize(tensor("param.x_embedder.weight").scalar_type());
  for (const auto& parameter : parameters.all())
    parameter.value.detach().copy_(tensor("param." + parameter.name));

  const nn::PackLayout layout(lengths(tensor("tokens")), lengths(tensor("rows")));
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

  std::vector<std::pair<std::string, at::Tensor>> results{
      {"network", output},
      {"denoised", diffusion::denoise(network, noisy, sigma, 0.5, layout)},
      {"loss", loss}};
  for (const auto& parameter : parameters.all()) {
    if (parameter.value.grad().defined())
      results.emplace_back("grad." + parameter.name, parameter.value.grad());
  }
  write(argv[2], results);
  return 0;
}
