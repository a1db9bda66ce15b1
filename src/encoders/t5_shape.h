// What the config.json of a T5 or UMT5 says of its encoder, without its weights.
#pragma once

#include <cstdint>
#include <string>

#include "encoders/pretrained.h"

namespace dfm::encoders {

enum class T5Activation { relu, gated_gelu };

struct T5Shape {
  std::string kind;  // t5 or umt5
  std::int64_t vocabulary;
  std::int64_t width;         // d_model
  std::int64_t head_width;    // d_kv
  std::int64_t hidden_width;  // d_ff
  std::int64_t blocks;        // num_layers
  std::int64_t heads;         // num_heads
  std::int64_t buckets;       // of distances between tokens, for both directions
  std::int64_t far;           // the distance in tokens from which all are in one bucket
  double epsilon;             // of the norms
  T5Activation activation;
  bool one_bias_for_all_blocks;  // T5; in UMT5 each block has its own
};

// Throws a data error for what is not a T5 or UMT5 that dfm knows. What is missing has the default of Hugging
// Face's configurations.
T5Shape t5_shape(const PretrainedConfig& config);

}  // namespace dfm::encoders
