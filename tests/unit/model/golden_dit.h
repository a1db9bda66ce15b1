// The model, the pack and the tensors of tests/golden/dit.
#pragma once

#include "ckpt/safetensors.h"
#include "diffusion/edm.h"
#include "model/dit.h"
#include "nn/array_bridge.h"

namespace dfm::model {

inline DitShape golden_shape() {
  DitShape shape;
  shape.num_layers = 2;
  shape.hidden_size = 272;
  shape.num_attention_heads = 17;
  shape.ffn_hidden_size = 4 * 272;
  shape.crossattn_emb_size = 56;
  shape.adaln_rank = 24;
  shape.max_frames = 6;
  shape.max_img_h = 20;
  shape.max_img_w = 28;
  return shape;
}

struct GoldenDit {
  ckpt::SafetensorsFile file{DFM_GOLDEN_FOLDER "/dit/dit_golden.safetensors"};
  nn::ParameterList parameters;
  Dit dit{golden_shape(), parameters};
  nn::PackLayout layout{{60, 21, 44}, {13, 64, 5}};

  GoldenDit() {
    parameters.materialize(at::kFloat);
    for (const auto& parameter : parameters.all()) {
      parameter.value.detach().copy_(tensor("param." + parameter.name));
    }
  }

  at::Tensor tensor(const std::string& name) const { return nn::to_tensor(file.read(name)); }
  at::Tensor sigma_of_samples() const { return tensor("in.sigma").expand({3}).contiguous(); }

  diffusion::Network network(const at::Tensor& text) const {
    return [this, text](const at::Tensor& tokens, const at::Tensor& c_noise) {
      return dit.forward({tokens, tensor("in.pos_ids"), c_noise, text}, layout);
    };
  }

  // F(c_in x_t, c_noise).
  at::Tensor scaled_forward(const at::Tensor& text) const {
    const at::Tensor sigma = sigma_of_samples();
    const at::Tensor x = tensor("in.latent") * 0.5 + tensor("in.sigma") * tensor("in.noise");
    const auto c = diffusion::scalings(sigma, 0.5);
    return network(text)(x * c.in[0], c.noise);
  }
};

}  // namespace dfm::model
