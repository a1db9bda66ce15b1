// The sizes that define a MovieGen transformer (spec/nemo_diffusion.md section 1.2; "DiTLlama" there).
#pragma once

#include "config/config.h"
#include "model/backbone.h"

namespace dfm::model {

struct MovieGenShape : PatchShape {
  std::int64_t num_layers = 32;
  std::int64_t hidden_size = 3072;
  std::int64_t num_attention_heads = 24;
  std::int64_t num_query_groups = 8;
  std::int64_t ffn_hidden_size = 8192;
  std::int64_t crossattn_emb_size = 1024;
  std::int64_t max_img_h = 240;  // latent cells
  std::int64_t max_img_w = 240;
  std::int64_t max_frames = 128;
  double layernorm_epsilon = 1e-5;
  double init_method_std = 0.01;
  bool zero_init_output = false;
  // Whether what cross-attention gives is added to the hidden state, as in the paper, or only fed to the MLP,
  // as in the system that dfm replaces.
  bool cross_residual = false;

  // Whole features only: 1024 over 24 heads are 42 each.
  std::int64_t head_width() const { return hidden_size / num_attention_heads; }
  std::int64_t query_width() const { return num_attention_heads * head_width(); }
  std::int64_t heads_in_group() const { return num_attention_heads / num_query_groups; }
};

// From the keys of [model]. Throws a usage error for sizes that do not fit together.
MovieGenShape moviegen_shape(const Config& config);

}  // namespace dfm::model
