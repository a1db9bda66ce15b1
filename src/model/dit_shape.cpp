#include "model/dit_shape.h"

#include <fmt/core.h>

#include "core/error.h"

namespace dfm::model {
namespace {

void require_divisible(std::int64_t value, const char* key, std::int64_t divisor, const char* meaning) {
  if (value % divisor == 0) return;
  throw usage_error(
      fmt::format("{} = {} is not a multiple of {} ({})", key, value, divisor, meaning),
      fmt::format("{} or {} would be", value / divisor * divisor, (value / divisor + 1) * divisor));
}

}  // namespace

DitShape dit_shape(const Config& config) {
  DitShape shape;
  shape.num_layers = config.integer("model.num_layers");
  shape.hidden_size = config.integer("model.hidden_size");
  shape.num_attention_heads = config.integer("model.num_attention_heads");
  shape.ffn_hidden_size = config.optional_integer("model.ffn_hidden_size").value_or(4 * shape.hidden_size);
  shape.crossattn_emb_size = config.integer("model.crossattn_emb_size");
  shape.adaln_rank = config.integer("model.adaln_rank");
  shape.in_channels = config.integer("model.in_channels");
  shape.patch_spatial = config.integer("model.patch_spatial");
  shape.patch_temporal = config.integer("model.patch_temporal");
  shape.max_img_h = config.integer("model.max_img_h");
  shape.max_img_w = config.integer("model.max_img_w");
  shape.max_frames = config.integer("model.max_frames");
  shape.layernorm_epsilon = config.real("model.layernorm_epsilon");
  shape.init_method_std = config.real("model.init_method_std");
  shape.zero_init_output = config.flag("model.zero_init_output");
  require_divisible(shape.hidden_size, "model.hidden_size", 16,
                    "the position table has three parts of h/4, 3h/8, 3h/8");
  require_divisible(shape.hidden_size, "model.hidden_size", shape.num_attention_heads,
                    "model.num_attention_heads");
  return shape;
}

}  // namespace dfm::model
