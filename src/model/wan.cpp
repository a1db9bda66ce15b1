#include "model/wan.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "nn/attention.h"
#include "nn/embedding.h"
#include "nn/host_copy.h"
#include "nn/modulation.h"
#include "nn/parallel_norm.h"
#include "nn/rotary.h"
#include "nn/wide_heads.h"

namespace dfm::model {
namespace {

using nn::ColumnLinear;
using nn::Columns;
using nn::Init;
using nn::Linear;
using nn::PackLayout;
using nn::RowLinear;
using nn::Scope;

Init modulation_init(const WanShape& shape) {
  return Init::normal(1 / std::sqrt(static_cast<double>(shape.hidden_size)));
}

WanHeads own_heads(const Scope& scope, const WanShape& shape) {
  return {scope.parallel(), scope.parallel().share(shape.num_attention_heads).count, shape.head_width(),
          shape.num_attention_heads * shape.head_width(), shape.layernorm_epsilon};
}

ColumnLinear spread(const Scope& scope, std::int64_t inputs, const Columns& outputs, const WanShape& shape) {
  return ColumnLinear::with_zero_bias(scope, inputs, outputs, hidden_init(shape));
}

RowLinear joined(const Scope& scope, const Columns& inputs, const WanShape& shape) {
  return RowLinear::with_zero_bias(scope, inputs, shape.hidden_size, output_init(shape));
}

// Of the conditioning, which all layers get.
Linear shared(nn::ParameterList& parameters, const char* name, std::int64_t inputs, std::int64_t outputs) {
  return Linear::with_bias(Scope(parameters, name).on_all_stages(), inputs, outputs);
}

at::Tensor declare_norm(const Scope& scope, const char* name, const WanShape& shape) {
  return nn::declare_features(scope.child(name), "weight", head_columns(shape, 1), Init::ones());
}

// Part `part` of a projection with `parts` side by side in each head: [S, heads * width].
at::Tensor part_of(const at::Tensor& projected, const WanHeads& heads, std::int64_t parts,
                   std::int64_t part) {
  return projected.unflatten(1, {heads.count, parts, heads.width}).select(2, part).flatten(1);
}

// [S, heads * width] -> [heads, S, width].
at::Tensor as_heads(const at::Tensor& rows, const WanHeads& heads) {
  return rows.unflatten(1, {heads.count, heads.width}).transpose(0, 1).contiguous();
}

// Over the heads of all ranks together.
at::Tensor normed(const at::Tensor& rows, const at::Tensor& weight, const WanHeads& heads) {
  return nn::rms_norm_over_tensor_ranks(rows, weight, {heads.all_features, heads.epsilon}, heads.parallel);
}

// The parts of a projection as heads, those with a norm normalised and, where there are turns, turned.
std::vector<at::Tensor> split(const at::Tensor& projected, const WanHeads& heads,
                              const std::vector<at::Tensor>& norms, const at::Tensor& turns) {
  if (!projected.is_cpu() && heads.parallel.tensor_ranks() == 1)
    return nn::split_wide_heads(projected, norms, turns, {heads.count, heads.epsilon});
  std::vector<at::Tensor> parts;
  for (std::size_t i = 0; i < norms.size(); ++i) {
    const auto count = static_cast<std::int64_t>(norms.size()), part = static_cast<std::int64_t>(i);
    const at::Tensor rows = part_of(projected, heads, count, part);
    parts.push_back(as_heads(norms[i].defined() ? normed(rows, norms[i], heads) : rows, heads));
    if (norms[i].defined() && turns.defined()) parts.back() = nn::turned(parts.back(), turns);
  }
  return parts;
}

// Every sample's text cut or padded with rows of zeros to the length.
at::Tensor padded(const at::Tensor& text, const PackLayout& layout, std::int64_t length) {
  std::vector<at::Tensor> texts;
  for (std::size_t i = 0; i < layout.text_counts().size(); ++i) {
    const std::int64_t rows = std::min(layout.text_counts()[i], length);
    texts.push_back(
        at::constant_pad_nd(text.narrow(0, layout.text_begins()[i], rows), {0, 0, 0, length - rows}));
  }
  return at::cat(texts);
}

}  // namespace

WanSelfAttention::WanSelfAttention(const Scope& scope, const WanShape& shape, const RecomputePlan& plan)
    : recomputes_(plan.core_attention),
      heads_(own_heads(scope, shape)),
      linear_qkv_(spread(scope.child("linear_qkv"), shape.hidden_size, head_columns(shape, 3), shape)),
      linear_proj_(joined(scope.child("linear_proj"), head_columns(shape, 1), shape)),
      q_layernorm_(declare_norm(scope, "q_layernorm", shape)),
      k_layernorm_(declare_norm(scope, "k_layernorm", shape)) {}

at::Tensor WanSelfAttention::operator()(const at::Tensor& x, const at::Tensor& turns,
                                        const PackLayout& layout) const {
  const auto core = [this, turns, layout](const std::vector<at::Tensor>& in) {
    const auto qkv = split(in[0], heads_, {q_layernorm_, k_layernorm_, {}}, turns);
    return nn::self_attention(qkv[0], qkv[1], qkv[2], layout, heads_.parallel);
  };
  return linear_proj_(kept_or_recomputed(recomputes_, core, {linear_qkv_(x, layout)}), layout);
}

WanCrossAttention::WanCrossAttention(const Scope& scope, const WanShape& shape, const RecomputePlan& plan)
    : recomputes_(plan.core_attention),
      heads_(own_heads(scope, shape)),
      linear_q_(spread(scope.child("linear_q"), shape.hidden_size, head_columns(shape, 1), shape)),
      linear_kv_(spread(scope.child("linear_kv"), shape.crossattn_emb_size, head_columns(shape, 2), shape)),
      linear_proj_(joined(scope.child("linear_proj"), head_columns(shape, 1), shape)),
      q_layernorm_(declare_norm(scope, "q_layernorm", shape)),
      k_layernorm_(declare_norm(scope, "k_layernorm", shape)) {}

at::Tensor WanCrossAttention::operator()(const at::Tensor& x, const at::Tensor& text,
                                         const PackLayout& layout) const {
  const auto core = [this, layout](const std::vector<at::Tensor>& in) {
    const auto q = split(in[0], heads_, {q_layernorm_}, {}),
               kv = split(in[1], heads_, {k_layernorm_, {}}, {});
    return nn::cross_attention(q[0], kv[0], kv[1], layout);
  };
  return linear_proj_(
      kept_or_recomputed(recomputes_, core,
                         nn::ColumnLinear::side_by_side({linear_q_, x}, {linear_kv_, text}, layout)),
      layout);
}

WanMlp::WanMlp(const Scope& scope, const WanShape& shape, const RecomputePlan& plan)
    : recomputes_(plan.mlp),
      linear_fc1_(
          spread(scope.child("linear_fc1"), shape.hidden_size, Columns{shape.ffn_hidden_size}, shape)),
      linear_fc2_(joined(scope.child("linear_fc2"), Columns{shape.ffn_hidden_size}, shape)) {}

at::Tensor WanMlp::operator()(const at::Tensor& x, const PackLayout& layout) const {
  const auto whole = [this, layout](const std::vector<at::Tensor>& in) {
    return linear_fc2_(at::gelu(linear_fc1_(in[0], layout), "tanh"), layout);
  };
  return kept_or_recomputed(recomputes_, whole, {x});
}

WanBlock::WanBlock(const Scope& scope, const WanShape& shape, const RecomputePlan& plan)
    : epsilon_(shape.layernorm_epsilon),
      self_attention_(scope.child("full_self_attention"), shape, plan),
      cross_attention_(scope.child("cross_attention"), shape, plan),
      mlp_(scope.child("mlp"), shape, plan),
      modulation_(
          scope.child("adaLN").declare("modulation", {1, 6, shape.hidden_size}, modulation_init(shape))),
      norm_weight_(scope.child("norm3").declare("weight", {shape.hidden_size}, Init::ones())),
      norm_bias_(scope.child("norm3").declare("bias", {shape.hidden_size}, Init::zeros())) {}

at::Tensor WanBlock::forward(at::Tensor x, const WanConditioning& given, const PackLayout& layout) const {
  enum { kSelfShift, kSelfScale, kSelfGate, kMlpShift, kMlpScale, kMlpGate };
  const auto m = (modulation_ + given.modulation).unbind(1);
  const auto self = nn::modulated_norm(x, m[kSelfShift], m[kSelfScale], epsilon_, layout);
  x = nn::gated_add(x, m[kSelfGate], self_attention_(self, given.turns, layout), layout);
  const auto cross = at::layer_norm(x, {x.size(1)}, norm_weight_, norm_bias_, epsilon_);
  x = x + cross_attention_(cross, given.text, layout);
  const auto mlp = nn::modulated_norm(x, m[kMlpShift], m[kMlpScale], epsilon_, layout);
  return nn::gated_add(x, m[kMlpGate], mlp_(mlp, layout), layout);
}

Wan::Wan(const WanShape& shape, nn::ParameterList& parameters, RecomputePlan plan)
    : shape_(shape),
      plan_(std::move(plan)),
      patch_weight_(Scope(parameters, "patch_embedding")
                        .on_first_stage()
                        .declare("weight",
                                 {shape.hidden_size, shape.patches.in_channels, shape.patches.temporal,
                                  shape.patches.spatial, shape.patches.spatial},
                                 Init::linear_default(shape.patches.features()))),
      patch_bias_(Scope(parameters, "patch_embedding")
                      .on_first_stage()
                      .declare("bias", {shape.hidden_size}, Init::linear_default(shape.patches.features()))),
      time_1_(shared(parameters, "time_embedder.linear_1", shape.freq_dim, shape.hidden_size)),
      time_2_(shared(parameters, "time_embedder.linear_2", shape.hidden_size, shape.hidden_size)),
      time_proj_(shared(parameters, "time_proj", shape.hidden_size, 6 * shape.hidden_size)),
      text_0_(shared(parameters, "text_embedding.0", shape.text_dim, shape.crossattn_emb_size)),
      text_2_(shared(parameters, "text_embedding.2", shape.crossattn_emb_size, shape.crossattn_emb_size)),
      head_modulation_(Scope(parameters, "head")
                           .on_last_stage()
                           .declare("modulation", {1, 2, shape.hidden_size}, modulation_init(shape))),
      head_(Linear::with_bias(Scope(parameters, "head.head").on_last_stage(), shape.hidden_size,
                              shape.patches.features(), last_init(shape))) {
  blocks_ = StageLayers<WanBlock>(shape, parameters, plan_);
}

at::Tensor Wan::time_embedded(const at::Tensor& timestep) const {
  const auto sine_cosine = nn::sinusoid(timestep, shape_.freq_dim, 0).chunk(2, 1);
  const at::Tensor waves = at::cat({sine_cosine[1], sine_cosine[0]}, 1).to(time_1_.dtype());
  return time_2_(at::silu(time_1_(waves)));
}

at::Tensor Wan::text_embedded(const at::Tensor& text) const {
  return text_2_(at::gelu(text_0_(text), "tanh"));
}

PackLayout Wan::padded_layout(const PackLayout& samples) const {
  if (shape_.text_len == 0) return samples;
  return samples.with_text_counts(std::vector<std::int64_t>(samples.text_counts().size(), shape_.text_len));
}

WanGiven Wan::conditioning(const PackInput& input, const PackLayout& samples) const {
  const at::Tensor time = time_embedded(input.noise_level);
  const at::Tensor rows = shape_.text_len > 0 ? padded(input.text, samples, shape_.text_len) : input.text;
  return {{time_proj_(at::silu(time)).unflatten(1, {6, shape_.hidden_size}),
           text_embedded(rows.to(time.scalar_type())),
           nn::rotary_turns(nn::to_device(samples.attention_rows(input.positions), input.tokens.device()),
                            shape_.head_width())},
          time};
}

// A convolution whose stride is its window: a product with the weight in the order of a token's features.
at::Tensor Wan::embed(const PackInput& input, const PackLayout&) const {
  return at::linear(input.tokens.to(patch_weight_.scalar_type()),
                    patch_weight_.permute({0, 3, 4, 2, 1}).flatten(1), patch_bias_);
}

at::Tensor Wan::layers(const Range& range, const at::Tensor& x, const WanGiven& given,
                       const PackLayout& samples) const {
  const auto block = [this, turns = given.blocks.turns, layout = padded_layout(samples)](
                         std::size_t i, const std::vector<at::Tensor>& in) {
    return blocks_[i].forward(in[0], {in[1], in[2], turns}, layout);
  };
  return run_stack(plan_, range, block, {x, given.blocks.modulation, given.blocks.text});
}

at::Tensor Wan::head(const at::Tensor& x, const WanGiven& given, const PackLayout& layout) const {
  const auto m = (head_modulation_ + given.time.unsqueeze(1)).unbind(1);
  return head_(nn::modulated_norm(x, m[0], m[1], shape_.layernorm_epsilon, layout));
}

at::Tensor Wan::forward(const PackInput& input, const PackLayout& samples) const {
  return run_chunk(*this, blocks_.all(), {}, input, samples);
}

namespace {

double wan_forward_flops(const WanShape& shape, std::int64_t tokens, std::int64_t text_rows) {
  const auto h = static_cast<double>(shape.hidden_size), c = static_cast<double>(shape.crossattn_emb_size),
             s = static_cast<double>(tokens),
             t = static_cast<double>(shape.text_len > 0 ? shape.text_len : text_rows);
  const double products = 6 * h * h + 2 * h * static_cast<double>(shape.ffn_hidden_size);
  const double layers = s * products + 2 * t * c * h + 2 * s * h * (s + t);
  const double ends = 2 * s * h * static_cast<double>(shape.patches.features()) +
                      t * c * (static_cast<double>(shape.text_dim) + c);
  return 2 * (static_cast<double>(shape.num_layers) * layers + ends);
}

}  // namespace

BackboneSpec wan_spec(const WanShape& shape, const RecomputePlan& plan) {
  return {.title = fmt::format("WAN 2.1, {} layers, width {}, {} heads", shape.num_layers, shape.hidden_size,
                               shape.num_attention_heads),
          .patches = shape.patches,
          .text_width = shape.text_dim,
          .text_width_key = "model.text_dim",
          .tensor_units = tensor_units(shape),
          .layers = shape.num_layers,
          .block = {.width = shape.hidden_size,
                    .key_heads = shape.num_attention_heads,
                    .head_width = shape.head_width(),
                    .token_norms = 3,
                    .text_norms = 1,
                    .text_length = shape.text_len},
          .build = builder_of<Wan>(shape, plan),
          .forward_flops = [shape](const SampleSize& sample, std::int64_t rows) {
            return wan_forward_flops(shape, sample.tokens, rows);
          }};
}

}  // namespace dfm::model
