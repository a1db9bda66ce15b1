// The sizes that define a DiT (spec/dfm.md section 1.6 and 1.7).
#pragma once

#include <cstdint>

#include "config/config.h"
#include "model/backbone.h"

namespace dfm::model {

struct DitShape : PatchShape {
  std::int64_t num_layers = 12;
  std::int64_t hidden_size = 384;
  std::int64_t num_attention_heads = 6;
  std::int64_t ffn_hidden_size = 1536;
  std::int64_t crossattn_emb_size = 1024;
  std::int64_t adaln_rank = 256;
  std::int64_t max_img_h = 80;  // latent cells
  std::int64_t max_img_w = 80;
  std::int64_t max_frames = 34;
  double layernorm_epsilon = 1e-5;
  double init_method_std = 0.02;
  bool zero_init_output = false;

  std::int64_t head_width() const { return hidden_size / num_attention_heads; }
};

// From the keys of [model]. Throws a usage error with the arithmetic for sizes that do not fit together.
DitShape dit_shape(const Config& config);

}  // namespace dfm::model
