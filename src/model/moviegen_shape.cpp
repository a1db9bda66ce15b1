#include "model/moviegen_shape.h"

#include "model/fitting.h"

namespace dfm::model {

MovieGenShape moviegen_shape(const Config& config) {
  MovieGenShape shape;
  static_cast<PatchShape&>(shape) = patch_shape(config);
  shape.num_layers = config.integer("model.num_layers");
  shape.hidden_size = config.integer("model.hidden_size");
  shape.num_attention_heads = config.integer("model.num_attention_heads");
  shape.num_query_groups =
      config.optional_integer("model.num_query_groups").value_or(shape.num_attention_heads);
  shape.ffn_hidden_size = config.optional_integer("model.ffn_hidden_size").value_or(4 * shape.hidden_size);
  shape.crossattn_emb_size = config.integer("model.crossattn_emb_size");
  shape.max_img_h = config.integer("model.max_img_h");
  shape.max_img_w = config.integer("model.max_img_w");
  shape.max_frames = config.integer("model.max_frames");
  shape.layernorm_epsilon = config.real("model.layernorm_epsilon");
  shape.init_method_std = config.real("model.init_method_std");
  shape.zero_init_output = config.flag("model.zero_init_output");
  shape.cross_residual = config.text("model.cross_residual") == "paper";
  require_divisible(shape.hidden_size, "model.hidden_size", 2, "the time's sinusoids are sines and cosines");
  require_divisible(shape.num_attention_heads, "model.num_attention_heads", shape.num_query_groups,
                    "model.num_query_groups");
  return shape;
}

}  // namespace dfm::model
