// The sizes that all families have, read from the keys of [model], and how their projections start.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/config.h"
#include "model/backbone.h"
#include "nn/parallel_linear.h"
#include "nn/parameter.h"

namespace dfm::model {

struct TransformerShape {
  PatchShape patches = {};
  std::int64_t num_layers = 12;
  std::int64_t hidden_size = 384;
  std::int64_t num_attention_heads = 6;
  std::int64_t ffn_hidden_size = 1536;
  std::int64_t crossattn_emb_size = 1024;
  double layernorm_epsilon = 1e-5;
  double init_method_std = 0.02;
  bool zero_init_output = false;

  // Whole features only: a width of 1024 over 24 heads is 42 each.
  std::int64_t head_width() const { return hidden_size / num_attention_heads; }
};

TransformerShape transformer_shape(const Config& config);

// Throws a usage error that shows the arithmetic and the nearest values that would do.
void require_divisible(std::int64_t value, const char* key, std::int64_t divisor, const char* meaning);

// Heads, and the features of the MLP.
std::vector<TensorUnits> tensor_units(const TransformerShape& shape);

// So many parts, each as wide as a head, side by side in every head.
nn::Columns head_columns(const TransformerShape& shape, std::int64_t parts);

nn::Init hidden_init(const TransformerShape& shape);
// Projections back into the residual stream start smaller: std / sqrt(2 L).
nn::Init output_init(const TransformerShape& shape);
// The last layer: as torch.nn.Linear starts, or at zero.
nn::Init last_init(const TransformerShape& shape);

}  // namespace dfm::model
