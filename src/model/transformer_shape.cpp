#include "model/transformer_shape.h"

#include <cmath>

#include <fmt/core.h>

#include "core/error.h"

namespace dfm::model {

TransformerShape transformer_shape(const Config& config) {
  TransformerShape shape{.patches = {config.integer("model.in_channels"),
                                     config.integer("model.patch_spatial"),
                                     config.integer("model.patch_temporal")}};
  shape.num_layers = config.integer("model.num_layers");
  shape.hidden_size = config.integer("model.hidden_size");
  shape.num_attention_heads = config.integer("model.num_attention_heads");
  shape.ffn_hidden_size = config.optional_integer("model.ffn_hidden_size").value_or(4 * shape.hidden_size);
  shape.crossattn_emb_size = config.integer("model.crossattn_emb_size");
  shape.layernorm_epsilon = config.real("model.layernorm_epsilon");
  shape.init_method_std = config.real("model.init_method_std");
  shape.zero_init_output = config.flag("model.zero_init_output");
  return shape;
}

void require_divisible(std::int64_t value, const char* key, std::int64_t divisor, const char* meaning) {
  if (value % divisor == 0) return;
  throw usage_error(
      fmt::format("{} = {} is not a multiple of {} ({})", key, value, divisor, meaning),
      fmt::format("{} or {} would be", value / divisor * divisor, (value / divisor + 1) * divisor));
}

std::vector<TensorUnits> tensor_units(const TransformerShape& shape) {
  return {{"attention heads", "model.num_attention_heads", shape.num_attention_heads, true},
          {"features of the MLP", "model.ffn_hidden_size", shape.ffn_hidden_size}};
}

nn::Columns head_columns(const TransformerShape& shape, std::int64_t parts) {
  return {shape.num_attention_heads, parts * shape.head_width()};
}

nn::Init hidden_init(const TransformerShape& shape) { return nn::Init::normal(shape.init_method_std); }

nn::Init output_init(const TransformerShape& shape) {
  return nn::Init::normal(shape.init_method_std / std::sqrt(2.0 * static_cast<double>(shape.num_layers)));
}

nn::Init last_init(const TransformerShape& shape) {
  return shape.zero_init_output ? nn::Init::zeros() : nn::Init::linear_default(shape.hidden_size);
}

}  // namespace dfm::model
