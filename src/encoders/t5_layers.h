// The network of T5's encoder on one caption, in the type of its weights; norms and attention are computed in
// float32.
//
//   WeightReader weights(config.folder(), placed);
//   const T5Weights network = read_t5(weights, shape);
//   const at::Tensor rows = t5_rows(network, shape, ids);  // ids [tokens] int64 -> [tokens, width]
#pragma once

#include <optional>
#include <vector>

#include "encoders/pretrained.h"
#include "encoders/t5_shape.h"

namespace dfm::encoders {

struct T5Block {
  at::Tensor attention_norm, q, k, v, o;
  std::optional<at::Tensor> bias;  // [buckets, heads], in blocks that have their own
  at::Tensor feed_forward_norm;
  std::optional<at::Tensor> gate;  // where the activation is gated
  at::Tensor up, down;
};

struct T5Weights {
  at::Tensor embedding;  // [vocabulary, width]
  std::vector<T5Block> blocks;
  at::Tensor final_norm;
};

// Names are those of Hugging Face's T5EncoderModel; a decoder beside it is not read. Throws a data error for
// what is missing or of another shape.
T5Weights read_t5(WeightReader& weights, const T5Shape& shape);

at::Tensor t5_rows(const T5Weights& weights, const T5Shape& shape, const at::Tensor& ids);

}  // namespace dfm::encoders
