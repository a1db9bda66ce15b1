#include "model/wan_shape.h"

#include <fmt/core.h>

#include "core/error.h"
#include "model/fitting.h"

namespace dfm::model {

WanShape wan_shape(const Config& config) {
  WanShape shape;
  static_cast<PatchShape&>(shape) = patch_shape(config);
  shape.num_layers = config.integer("model.num_layers");
  shape.hidden_size = config.integer("model.hidden_size");
  shape.num_attention_heads = config.integer("model.num_attention_heads");
  shape.ffn_hidden_size = config.optional_integer("model.ffn_hidden_size").value_or(4 * shape.hidden_size);
  shape.crossattn_emb_size = config.integer("model.crossattn_emb_size");
  shape.text_dim = config.integer("model.text_dim");
  shape.text_len = config.optional_integer("model.text_len").value_or(0);
  shape.freq_dim = config.integer("model.freq_dim");
  shape.layernorm_epsilon = config.real("model.layernorm_epsilon");
  shape.init_method_std = config.real("model.init_method_std");
  shape.zero_init_output = config.flag("model.zero_init_output");
  require_divisible(shape.hidden_size, "model.hidden_size", 2 * shape.num_attention_heads,
                    "heads of an even width, whose features are turned in pairs");
  require_divisible(shape.freq_dim, "model.freq_dim", 2, "a cosine and a sine of each frequency");
  if (shape.patch_temporal != 1) {
    throw usage_error(fmt::format("model.patch_temporal = {} with model.family = wan", shape.patch_temporal),
                      "WAN's patches are one frame deep: leave model.patch_temporal at 1");
  }
  return shape;
}

}  // namespace dfm::model
