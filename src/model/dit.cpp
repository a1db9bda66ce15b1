#include "model/dit.h"

#include <fmt/core.h>

#include "nn/attention.h"
#include "nn/head_norm.h"
#include "nn/modulation.h"
#include "nn/recompute.h"

namespace dfm::model {
namespace {

using nn::Columns;
using nn::Init;
using nn::Linear;
using nn::PackLayout;
using nn::Scope;

enum Branches { kSelf, kCross, kMlp, kBranches };

at::Tensor declare_head_norm(const Scope& scope, const char* name, const DitShape& shape) {
  return scope.child(name).declare("weight", {shape.head_width()}, Init::ones());
}

constexpr double kTimeNormEpsilon = 1e-6;

std::int64_t own_heads(const Scope& scope, const DitShape& shape) {
  return scope.parallel().share(shape.num_attention_heads).count;
}

}  // namespace

SelfAttention::SelfAttention(const Scope& scope, const DitShape& shape, const RecomputePlan& plan)
    : recomputes_(plan.core_attention),
      parallel_(scope.parallel()),
      heads_(own_heads(scope, shape)),
      epsilon_(shape.layernorm_epsilon),
      linear_qkv_(scope.child("linear_qkv"), shape.hidden_size, head_columns(shape, 3), hidden_init(shape)),
      linear_proj_(scope.child("linear_proj"), head_columns(shape, 1), shape.hidden_size, output_init(shape)),
      q_layernorm_(declare_head_norm(scope, "q_layernorm", shape)),
      k_layernorm_(declare_head_norm(scope, "k_layernorm", shape)) {}

at::Tensor SelfAttention::operator()(const at::Tensor& x, const PackLayout& layout) const {
  return (*this)(x, layout, AxisOrder(layout.counts_by_context_rank()));
}

at::Tensor SelfAttention::operator()(const at::Tensor& x, const PackLayout& layout,
                                     const AxisOrder& order) const {
  const auto core = [this, order](const std::vector<at::Tensor>& in) {
    const auto qkv = nn::split_heads(order.there(in[0]), heads_, {q_layernorm_, k_layernorm_, {}}, epsilon_);
    return order.back(nn::self_attention(qkv[0], qkv[1], qkv[2], order.counts(), parallel_));
  };
  return linear_proj_(kept_or_recomputed(recomputes_, core, {linear_qkv_(x, layout)}), layout);
}

CrossAttention::CrossAttention(const Scope& scope, const DitShape& shape, const RecomputePlan& plan)
    : recomputes_(plan.core_attention),
      heads_(own_heads(scope, shape)),
      epsilon_(shape.layernorm_epsilon),
      linear_q_(scope.child("linear_q"), shape.hidden_size, head_columns(shape, 1), hidden_init(shape)),
      linear_kv_(scope.child("linear_kv"), shape.crossattn_emb_size, head_columns(shape, 2),
                 hidden_init(shape)),
      linear_proj_(scope.child("linear_proj"), head_columns(shape, 1), shape.hidden_size, output_init(shape)),
      q_layernorm_(declare_head_norm(scope, "q_layernorm", shape)),
      k_layernorm_(declare_head_norm(scope, "k_layernorm", shape)) {}

at::Tensor CrossAttention::operator()(const at::Tensor& x, const at::Tensor& text,
                                      const PackLayout& layout) const {
  const auto core = [this, layout](const std::vector<at::Tensor>& in) {
    const auto q = nn::split_heads(in[0], heads_, {q_layernorm_}, epsilon_);
    const auto kv = nn::split_heads(in[1], heads_, {k_layernorm_, {}}, epsilon_);
    return nn::cross_attention(q[0], kv[0], kv[1], layout);
  };
  return linear_proj_(
      kept_or_recomputed(recomputes_, core,
                         nn::ColumnLinear::side_by_side({linear_q_, x}, {linear_kv_, text}, layout)),
      layout);
}

Mlp::Mlp(const Scope& scope, const DitShape& shape, const RecomputePlan& plan)
    : recomputes_(plan.mlp),
      linear_fc1_(scope.child("linear_fc1"), shape.hidden_size, Columns{shape.ffn_hidden_size},
                  hidden_init(shape)),
      linear_fc2_(scope.child("linear_fc2"), Columns{shape.ffn_hidden_size}, shape.hidden_size,
                  output_init(shape)) {}

at::Tensor Mlp::operator()(const at::Tensor& x, const PackLayout& layout) const {
  const auto whole = [this, layout](const std::vector<at::Tensor>& in) {
    return linear_fc2_(at::gelu(linear_fc1_(in[0], layout)), layout);
  };
  return kept_or_recomputed(recomputes_, whole, {x});
}

AdaLn::AdaLn(const Scope& scope, const DitShape& shape, std::int64_t branches)
    : branches_(branches),
      down_(scope.child("1"), shape.hidden_size, shape.adaln_rank, Init::linear_default(shape.hidden_size)),
      up_(scope.child("2"), shape.adaln_rank, 3 * branches * shape.hidden_size, Init::zeros()) {}

std::vector<Branch> AdaLn::operator()(const at::Tensor& time) const {
  std::vector<Branch> branches;
  for (const at::Tensor& branch : up_(down_(at::silu(time))).chunk(branches_, 1)) {
    const auto m = branch.chunk(3, 1);
    branches.push_back({m[0], m[1], m[2]});
  }
  return branches;
}

DitBlock::DitBlock(const Scope& scope, const DitShape& shape, const RecomputePlan& plan)
    : epsilon_(shape.layernorm_epsilon),
      self_attention_(scope.child("full_self_attention"), shape, plan),
      cross_attention_(scope.child("cross_attention"), shape, plan),
      mlp_(scope.child("mlp"), shape, plan),
      modulation_(scope.child("adaLN.adaLN_modulation"), shape, kBranches) {}

at::Tensor DitBlock::forward(at::Tensor x, const DitConditioning& given, const PackLayout& layout) const {
  const auto normed = [&](const Branch& branch) {
    return nn::modulated_norm(x, branch.shift, branch.scale, epsilon_, layout);
  };
  const auto m = modulation_(given.time);
  x = nn::gated_add(x, m[kSelf].gate, self_attention_(normed(m[kSelf]), layout), layout);
  x = nn::gated_add(x, m[kCross].gate, cross_attention_(normed(m[kCross]), given.text, layout), layout);
  return nn::gated_add(x, m[kMlp].gate, mlp_(normed(m[kMlp]), layout), layout);
}

DitEnds::DitEnds(const DitShape& shape, nn::ParameterList& parameters)
    : time_norm_weight_(Scope(parameters, "affline_norm")
                            .on_all_stages()
                            .declare("weight", {shape.hidden_size}, Init::ones())),
      x_embedder_(Linear::with_bias(Scope(parameters, "x_embedder").on_first_stage(),
                                    shape.patches.features(), shape.hidden_size)),
      position_table_(shape.max_frames / shape.patches.temporal, shape.max_img_h / shape.patches.spatial,
                      shape.max_img_w / shape.patches.spatial, shape.hidden_size),
      time_embedder_(parameters, shape.hidden_size),
      final_layer_linear_(Linear::with_bias(Scope(parameters, "final_layer_linear").on_last_stage(),
                                            shape.hidden_size, shape.patches.features(), last_init(shape))) {}

at::Tensor DitEnds::tokens_embedded(const PackInput& input, const PackLayout& layout) const {
  return x_embedder_(input.tokens.to(dtype())) +
         position_table_.rows_for(layout.own_rows(input.positions), input.tokens.device()).to(dtype());
}

at::Tensor DitEnds::time_embedded(const at::Tensor& noise_level) const {
  return time_embedder_(noise_level, dtype());
}

at::Tensor DitEnds::normed_time_embedded(const at::Tensor& noise_level) const {
  const at::Tensor time = time_embedded(noise_level);
  return at::rms_norm(time, {time.size(1)}, time_norm_weight_, kTimeNormEpsilon);
}

Dit::Dit(const DitShape& shape, nn::ParameterList& parameters, RecomputePlan plan)
    : plan_(std::move(plan)), ends_(shape, parameters), blocks_(shape, parameters, plan_) {}

DitConditioning Dit::conditioning(const PackInput& input, const PackLayout&) const {
  return {ends_.time_embedded(input.noise_level), input.text.to(ends_.dtype())};
}

at::Tensor Dit::embed(const PackInput& input, const PackLayout& layout) const {
  return ends_.tokens_embedded(input, layout);
}

at::Tensor Dit::layers(const Range& range, const at::Tensor& x, const DitConditioning& given,
                       const PackLayout& layout) const {
  const auto block = [this, layout](std::size_t i, const std::vector<at::Tensor>& in) {
    return blocks_[i].forward(in[0], {in[1], in[2]}, layout);
  };
  return run_stack(plan_, range, block, {x, given.time, given.text});
}

at::Tensor Dit::head(const at::Tensor& x, const DitConditioning&, const PackLayout&) const {
  return ends_.patches_of(x);
}

at::Tensor Dit::forward(const PackInput& input, const PackLayout& layout) const {
  return run_chunk(*this, blocks_.all(), {}, input, layout);
}

namespace {

// What a token passes through, what a row of text does, and what each pair of them costs; embedders of times
// and rates are left out.
double dit_forward_flops(const DitShape& shape, std::int64_t tokens, std::int64_t text_rows) {
  const auto h = static_cast<double>(shape.hidden_size), s = static_cast<double>(tokens),
             t = static_cast<double>(text_rows);
  const double products = 6 * h * h + 2 * h * static_cast<double>(shape.ffn_hidden_size);
  const double text_products = 2 * h * static_cast<double>(shape.crossattn_emb_size);
  const double attention = 2 * s * h * (s + t);
  const double layers = s * products + t * text_products + attention;
  const double ends = 2 * s * h * static_cast<double>(shape.patches.features());
  return 2 * (static_cast<double>(shape.num_layers) * layers + ends);
}

}  // namespace

BackboneSpec dit_spec(const DitShape& shape, const RecomputePlan& plan) {
  return {
      .title = fmt::format("DiT, {} layers, width {}, {} heads", shape.num_layers, shape.hidden_size,
                           shape.num_attention_heads),
      .patches = shape.patches,
      .text_width = shape.crossattn_emb_size,
      .tensor_units = tensor_units(shape),
      .layers = shape.num_layers,
      .most_positions = {{shape.max_img_h / shape.patches.spatial, shape.max_img_w / shape.patches.spatial}},
      .block = {.width = shape.hidden_size,
                .key_heads = shape.num_attention_heads,
                .head_width = shape.head_width()},
      .build = builder_of<Dit>(shape, plan),
      .forward_flops = [shape](const SampleSize& sample, std::int64_t rows) {
        return dit_forward_flops(shape, sample.tokens, rows);
      }};
}

}  // namespace dfm::model
