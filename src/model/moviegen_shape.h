// The sizes that define a MovieGen transformer (spec/nemo_diffusion.md section 1.2; "DiTLlama" there).
#pragma once

#include <optional>

#include "model/transformer_shape.h"
#include "nn/shared_choice.h"

namespace dfm::model {

// EC-DiT: ffn_hidden_size is the width of each expert.
struct ExpertShape {
  std::int64_t count = 64;
  nn::ChoiceRule choice = {};
};

struct MovieGenShape : TransformerShape {
  std::int64_t num_query_groups = 6;
  std::int64_t max_img_h = 80;  // latent cells
  std::int64_t max_img_w = 80;
  std::int64_t max_frames = 34;
  // Whether what cross-attention gives is added to the hidden state, as in the paper, or only fed to the MLP,
  // as in the system that dfm replaces.
  bool cross_residual = false;
  std::optional<ExpertShape> experts = {};  // none: one MLP for all tokens

  std::int64_t query_width() const { return num_attention_heads * head_width(); }
  std::int64_t heads_in_group() const { return num_attention_heads / num_query_groups; }
};

// From the keys of [model]. Throws a usage error for sizes that do not fit together.
MovieGenShape moviegen_shape(const Config& config);

}  // namespace dfm::model
