// The sizes that define a WAN 2.1 (spec/dfm.md section 3.1); the defaults are those of the 1.3B model.
#pragma once

#include "config/config.h"
#include "model/backbone.h"

namespace dfm::model {

struct WanShape : PatchShape {
  std::int64_t num_layers = 30;
  std::int64_t hidden_size = 1536;
  std::int64_t num_attention_heads = 12;
  std::int64_t ffn_hidden_size = 8960;
  std::int64_t crossattn_emb_size = 1536;  // of the text, once embedded
  std::int64_t text_dim = 4096;            // of the text as it comes
  std::int64_t text_len = 0;               // rows that each text is padded to with zeros; 0: left as it is
  std::int64_t freq_dim = 256;
  double layernorm_epsilon = 1e-6;
  double init_method_std = 0.02;
  bool zero_init_output = false;

  std::int64_t head_width() const { return hidden_size / num_attention_heads; }
};

// From the keys of [model]. Throws a usage error for sizes that do not fit together.
WanShape wan_shape(const Config& config);

}  // namespace dfm::model
