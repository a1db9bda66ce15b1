#include "encoders/t5_layers.h"

#include <fmt/core.h>

#include "encoders/t5_positions.h"
#include "nn/linear_products.h"

namespace dfm::encoders {
namespace {

T5Block read_block(WeightReader& weights, const T5Shape& shape, std::int64_t index) {
  const std::string block = fmt::format("encoder.block.{}.layer.", index);
  const auto read = [&](const char* name, const Shape& of) { return weights.read(block + name, of); };
  const bool is_gated = shape.activation == T5Activation::gated_gelu;
  const Shape all_heads{shape.heads * shape.head_width, shape.width}, up{shape.hidden_width, shape.width};
  T5Block read_ones{.attention_norm = read("0.layer_norm.weight", {shape.width}),
                    .q = read("0.SelfAttention.q.weight", all_heads),
                    .k = read("0.SelfAttention.k.weight", all_heads),
                    .v = read("0.SelfAttention.v.weight", all_heads),
                    .o = read("0.SelfAttention.o.weight", {all_heads[1], all_heads[0]}),
                    .bias = {},
                    .feed_forward_norm = read("1.layer_norm.weight", {shape.width}),
                    .gate = {},
                    .up = read(is_gated ? "1.DenseReluDense.wi_1.weight" : "1.DenseReluDense.wi.weight", up),
                    .down = read("1.DenseReluDense.wo.weight", {shape.width, shape.hidden_width})};
  if (is_gated) read_ones.gate = read("1.DenseReluDense.wi_0.weight", up);
  if (index == 0 || !shape.one_bias_for_all_blocks) {
    read_ones.bias = read("0.SelfAttention.relative_attention_bias.weight", {shape.buckets, shape.heads});
  }
  return read_ones;
}

at::Tensor product(const at::Tensor& x, const at::Tensor& weight) {
  return nn::linear_product(x, weight, {});
}

// By the root of the mean square, without a mean.
at::Tensor norm(const at::Tensor& x, const at::Tensor& weight, double epsilon) {
  const at::Tensor wide = x.to(at::kFloat);
  const at::Tensor scale = wide.square().mean(-1, true).add_(epsilon).rsqrt_();
  return (wide * scale).to(weight.scalar_type()) * weight;
}

// Scores are not divided by the root of the head's width: T5's initialisation did that.
at::Tensor attention(const T5Block& block, const T5Shape& shape, const at::Tensor& x,
                     const at::Tensor& bias) {
  const auto heads = [&](const at::Tensor& weight) {  // [heads, tokens, head_width]
    return product(x, weight).view({-1, shape.heads, shape.head_width}).transpose(0, 1).to(at::kFloat);
  };
  const at::Tensor scores = at::baddbmm(bias, heads(block.q), heads(block.k).transpose(1, 2));
  const at::Tensor rows = at::softmax(scores, -1).bmm(heads(block.v)).transpose(0, 1).flatten(1);
  return product(rows.to(x.scalar_type()), block.o);
}

at::Tensor feed_forward(const T5Block& block, const at::Tensor& x) {
  const at::Tensor up = product(x, block.up);
  return product(block.gate ? at::gelu(product(x, *block.gate), "tanh") * up : up.relu(), block.down);
}

}  // namespace

T5Weights read_t5(WeightReader& weights, const T5Shape& shape) {
  const char* const shared = "shared.weight";
  const std::string embedding = weights.has(shared) ? shared : "encoder.embed_tokens.weight";
  T5Weights network{.embedding = weights.read(embedding, {shape.vocabulary, shape.width}),
                    .blocks = {},
                    .final_norm = weights.read("encoder.final_layer_norm.weight", {shape.width})};
  for (std::int64_t i = 0; i < shape.blocks; ++i) network.blocks.push_back(read_block(weights, shape, i));
  return network;
}

at::Tensor t5_rows(const T5Weights& weights, const T5Shape& shape, const at::Tensor& ids) {
  at::Tensor x = weights.embedding.index_select(0, ids.to(weights.embedding.device()));
  const at::Tensor buckets = t5_buckets(shape, ids.numel());
  at::Tensor bias;
  for (const T5Block& block : weights.blocks) {
    if (block.bias) bias = t5_bias(*block.bias, buckets);
    x = x + attention(block, shape, norm(x, block.attention_norm, shape.epsilon), bias);
    x = x + feed_forward(block, norm(x, block.feed_forward_norm, shape.epsilon));
  }
  return norm(x, weights.final_norm, shape.epsilon);
}

}  // namespace dfm::encoders
