// A DiT of any shape with all its parts at work, and an independent reading of spec/dfm.md sections 1.1
// to 1.5 in float64: plain tensor operations, one sample at a time.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "model/dit.h"
#include "model/patchify.h"
#include "support/tensors.h"

namespace dfm::model {

inline DitShape small_shape(std::int64_t hidden, std::int64_t heads) {
  DitShape shape;
  shape.num_layers = 2;
  shape.hidden_size = hidden;
  shape.num_attention_heads = heads;
  shape.ffn_hidden_size = 4 * hidden;
  shape.crossattn_emb_size = 24;
  shape.adaln_rank = 20;
  shape.patches.in_channels = 4;
  return shape;
}

// Parameters that start at zero or one get noise, so that every path matters.
struct SmallDit {
  nn::ParameterList parameters;
  Dit dit;
  Backbone network;

  explicit SmallDit(const DitShape& shape, dfm::testing::Normals normals = dfm::testing::Normals(7),
                    at::ScalarType dtype = at::kFloat, RecomputePlan plan = {})
      : dit(shape, parameters, std::move(plan)),
        network{shape.patches, [this](const PackInput& input, const nn::PackLayout& layout) {
                  return dit.forward(input, layout);
                }} {
    parameters.materialize(dtype);
    parameters.initialize(3);
    for (const nn::Parameter& parameter : parameters.all()) {
      const bool is_constant =
          parameter.init.kind == nn::Init::Kind::zeros || parameter.init.kind == nn::Init::Kind::ones;
      if (is_constant) parameter.value.detach().add_(normals(parameter.placement.global_shape), 0.2);
    }
  }
};

// One sample, ready for the network.
struct NetworkInput {
  at::Tensor tokens, positions, text;
  float noise_level = 0;
};

inline NetworkInput network_input(const PatchGrid& grid, std::int64_t text_rows, const DitShape& shape,
                                  dfm::testing::Normals& normals) {
  return {normals({grid.tokens(), shape.patches.features()}), token_positions(grid),
          normals({text_rows, shape.crossattn_emb_size}), normals({1}).item<float>()};
}

struct PackedInput {
  PackInput input;
  nn::PackLayout layout;
};

inline PackedInput packed(const std::vector<NetworkInput>& samples) {
  std::vector<at::Tensor> tokens, positions, texts;
  std::vector<float> levels;
  std::vector<std::int64_t> token_counts, text_counts;
  for (const NetworkInput& sample : samples) {
    tokens.push_back(sample.tokens);
    positions.push_back(sample.positions);
    texts.push_back(sample.text);
    levels.push_back(sample.noise_level);
    token_counts.push_back(sample.tokens.size(0));
    text_counts.push_back(sample.text.size(0));
  }
  return {{at::cat(tokens), at::cat(positions), at::tensor(levels), at::cat(texts)},
          {token_counts, text_counts}};
}

// The reference in float64.
class PlainDit {
 public:
  PlainDit(const DitShape& shape, const nn::ParameterList& parameters) : shape_(shape) {
    for (const nn::Parameter& each : parameters.all()) names_.push_back(each.name);
    for (const nn::Parameter& each : parameters.all()) {
      values_.push_back(each.value.detach().to(at::kDouble).requires_grad_(true));
    }
  }

  const at::Tensor& weight(const std::string& name) const {
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (names_[i] == name) return values_[i];
    }
    throw std::out_of_range(name);
  }

  at::Tensor forward(const NetworkInput& sample) const {
    at::Tensor x = linear(sample.tokens.to(at::kDouble), "x_embedder") + position_rows(sample.positions);
    const at::Tensor time = time_embedding(sample.noise_level);
    for (std::int64_t i = 0; i < shape_.num_layers; ++i) {
      x = block(x, time, sample.text.to(at::kDouble), "decoder.layers." + std::to_string(i));
    }
    return linear(x, "final_layer_linear");
  }

 private:
  at::Tensor linear(const at::Tensor& x, const std::string& name) const {
    return at::matmul(x, weight(name + ".weight").t()) + weight(name + ".bias");
  }
  at::Tensor bare(const at::Tensor& x, const std::string& name) const {
    return at::matmul(x, weight(name + ".weight").t());
  }

  static at::Tensor sinusoid(double value, std::int64_t width, std::int64_t downscale) {
    const auto half = static_cast<double>(width / 2);
    const at::Tensor angles = value * at::exp(at::arange(width / 2, at::kDouble) *
                                              (-std::log(10000.0) / (half - static_cast<double>(downscale))));
    return at::cat({at::sin(angles), at::cos(angles)});
  }

  at::Tensor embedded(double value, const std::string& name, std::int64_t width,
                      std::int64_t downscale) const {
    return linear(at::silu(linear(sinusoid(value, width, downscale), name + ".linear_1")),
                  name + ".linear_2");
  }

  at::Tensor time_embedding(double noise_level) const {
    const at::Tensor fps = embedded(30, "fps_embedder.1", 256, 1);
    const std::int64_t h = shape_.hidden_size, shared = std::min<std::int64_t>(h, 256);
    at::Tensor padded = at::cat({fps.narrow(0, 0, shared), at::zeros({h - shared}, at::kDouble)});
    return embedded(noise_level, "t_embedder.1", h, 0) + padded;
  }

  static at::Tensor axis(const at::Tensor& p, std::int64_t width) {
    const at::Tensor i = at::arange(width / 2, at::kDouble);
    const at::Tensor angles =
        at::outer(p.to(at::kDouble), at::pow(10000.0, -i / (static_cast<double>(width) / 2)));
    return at::cat({at::sin(angles), at::cos(angles)}, 1);
  }
  at::Tensor position_rows(const at::Tensor& p) const {
    const std::int64_t h = shape_.hidden_size;
    return at::cat(
        {axis(p.select(1, 0), h / 4), axis(p.select(1, 2), 3 * h / 8), axis(p.select(1, 1), 3 * h / 8)}, 1);
  }

  at::Tensor normed(const at::Tensor& x, const std::vector<at::Tensor>& m, int branch) const {
    const at::Tensor centred = x - x.mean(1, true);
    const at::Tensor n = centred / (centred.square().mean(1, true) + shape_.layernorm_epsilon).sqrt();
    return n * (1 + m[static_cast<std::size_t>(3 * branch + 1)]) + m[static_cast<std::size_t>(3 * branch)];
  }

  at::Tensor rms(const at::Tensor& x, const std::string& name) const {
    return x / (x.square().mean(-1, true) + shape_.layernorm_epsilon).sqrt() * weight(name + ".weight");
  }

  at::Tensor attended(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                      const std::string& name) const {
    const at::Tensor qn = rms(q, name + ".q_layernorm").transpose(0, 1);
    const at::Tensor kn = rms(k, name + ".k_layernorm").transpose(0, 1);
    const at::Tensor scores =
        at::matmul(qn, kn.transpose(1, 2)) / std::sqrt(static_cast<double>(shape_.head_width()));
    return bare(at::matmul(at::softmax(scores, -1), v.transpose(0, 1)).transpose(0, 1).flatten(1),
                name + ".linear_proj");
  }

  at::Tensor block(at::Tensor x, const at::Tensor& time, const at::Tensor& text,
                   const std::string& name) const {
    const std::int64_t heads = shape_.num_attention_heads, d = shape_.head_width();
    const std::string ada = name + ".adaLN.adaLN_modulation", self = name + ".full_self_attention",
                      cross = name + ".cross_attention";
    const auto m = bare(bare(at::silu(time), ada + ".1"), ada + ".2").chunk(9);
    const at::Tensor qkv = bare(normed(x, m, 0), self + ".linear_qkv").view({x.size(0), heads, 3, d});
    x = x + m[2] * attended(qkv.select(2, 0), qkv.select(2, 1), qkv.select(2, 2), self);
    const at::Tensor q = bare(normed(x, m, 1), cross + ".linear_q").view({x.size(0), heads, d});
    const at::Tensor kv = bare(text, cross + ".linear_kv").view({text.size(0), heads, 2, d});
    x = x + m[5] * attended(q, kv.select(2, 0), kv.select(2, 1), cross);
    return x +
           m[8] * bare(at::gelu(bare(normed(x, m, 2), name + ".mlp.linear_fc1")), name + ".mlp.linear_fc2");
  }

  DitShape shape_;
  std::vector<std::string> names_;
  std::vector<at::Tensor> values_;
};

}  // namespace dfm::model
