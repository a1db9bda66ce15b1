#include "model/moviegen.h"

#include <fmt/core.h>

#include "model/expert_mlp.h"
#include "nn/attention.h"
#include "nn/embedding.h"
#include "nn/head_norm.h"
#include "nn/host_copy.h"
#include "nn/modulation.h"

namespace dfm::model {
namespace {

using nn::Columns;
using nn::Init;
using nn::Linear;
using nn::PackLayout;
using nn::Scope;

constexpr double kTimeNormEpsilon = 1e-6;

// [S, H, d] -> [H, S, d], which GPUs take in any order in memory.
at::Tensor heads_first(const at::Tensor& heads) {
  const at::Tensor view = heads.transpose(0, 1);
  return view.is_cpu() ? view.contiguous() : view;
}

// The parts that each head of a projection has side by side. On GPUs their gradients go to one tensor at
// once.
std::vector<at::Tensor> parts_of(const at::Tensor& projected, std::int64_t parts, std::int64_t width) {
  const at::Tensor heads = projected.unflatten(1, {-1, parts, width});
  std::vector<at::Tensor> result(static_cast<std::size_t>(parts));
  if (!projected.is_cpu()) return nn::split_heads(projected, heads.size(1), result, 0);
  for (std::int64_t part = 0; part < parts; ++part)
    result[static_cast<std::size_t>(part)] = heads_first(heads.select(2, part));
  return result;
}

// So many parts, each as wide as a head, in every group of queries. The groups are what ranks divide, in
// self-attention and in cross-attention.
Columns group_columns(const MovieGenShape& shape, std::int64_t parts) {
  return {shape.num_query_groups, parts * shape.head_width()};
}

}  // namespace

GroupedSelfAttention::GroupedSelfAttention(const Scope& scope, const MovieGenShape& shape,
                                           const RecomputePlan& plan)
    : recomputes_(plan.core_attention),
      parallel_(scope.parallel()),
      shape_(shape),
      linear_qkv_(scope.child("linear_qkv"), shape.hidden_size,
                  group_columns(shape, shape.heads_in_group() + 2), hidden_init(shape)),
      linear_proj_(scope.child("linear_proj"), group_columns(shape, shape.heads_in_group()),
                   shape.hidden_size, output_init(shape)) {}

at::Tensor GroupedSelfAttention::operator()(const at::Tensor& x, const PackLayout& layout) const {
  // A group is its query heads, then its key, then its value.
  const auto core = [this, layout](const std::vector<at::Tensor>& in) {
    const std::int64_t queries = shape_.heads_in_group();
    if (queries == 1) {
      const auto qkv = parts_of(in[0], 3, shape_.head_width());
      return nn::self_attention(qkv[0], qkv[1], qkv[2], layout, parallel_);
    }
    const at::Tensor groups = in[0].unflatten(1, {-1, queries + 2, shape_.head_width()});
    const auto shared = [&](std::int64_t part) { return heads_first(groups.select(2, part)); };
    return nn::self_attention(heads_first(groups.narrow(2, 0, queries).flatten(1, 2)), shared(queries),
                              shared(queries + 1), layout, parallel_);
  };
  return linear_proj_(kept_or_recomputed(recomputes_, core, {linear_qkv_(x, layout)}), layout);
}

PlainCrossAttention::PlainCrossAttention(const Scope& scope, const MovieGenShape& shape,
                                         const RecomputePlan& plan)
    : recomputes_(plan.core_attention),
      shape_(shape),
      linear_q_(scope.child("linear_q"), shape.hidden_size, group_columns(shape, shape.heads_in_group()),
                hidden_init(shape)),
      linear_kv_(scope.child("linear_kv"), shape.crossattn_emb_size,
                 group_columns(shape, 2 * shape.heads_in_group()), hidden_init(shape)),
      linear_proj_(scope.child("linear_proj"), group_columns(shape, shape.heads_in_group()),
                   shape.hidden_size, output_init(shape)) {}

at::Tensor PlainCrossAttention::operator()(const at::Tensor& x, const at::Tensor& text,
                                           const PackLayout& layout) const {
  const auto core = [this, layout](const std::vector<at::Tensor>& in) {
    const std::int64_t d = shape_.head_width();
    const auto kv = parts_of(in[1], 2, d);
    return nn::cross_attention(heads_first(in[0].unflatten(1, {-1, d})), kv[0], kv[1], layout);
  };
  return linear_proj_(
      kept_or_recomputed(recomputes_, core,
                         nn::ColumnLinear::side_by_side({linear_q_, x}, {linear_kv_, text}, layout)),
      layout);
}

SwiGlu::SwiGlu(const Scope& scope, const MovieGenShape& shape, const RecomputePlan& plan)
    : recomputes_(plan.mlp),
      linear_fc1_(scope.child("linear_fc1"), shape.hidden_size,
                  Columns{.count = shape.ffn_hidden_size, .repeats = 2}, hidden_init(shape)),
      linear_fc2_(scope.child("linear_fc2"), Columns{shape.ffn_hidden_size}, shape.hidden_size,
                  output_init(shape)) {}

namespace {

// Of a gate and what it gates, side by side.
at::Tensor gated(const at::Tensor& gate_up) {
  const auto halves = gate_up.chunk(2, 1);
  return at::silu(halves[0]) * halves[1];
}

}  // namespace

at::Tensor SwiGlu::operator()(const at::Tensor& x, const PackLayout& layout) const {
  const auto whole = [this, layout](const std::vector<at::Tensor>& in) {
    return linear_fc2_(gated(linear_fc1_(in[0], layout)), layout);
  };
  return kept_or_recomputed(recomputes_, whole, {x});
}

at::Tensor SwiGlu::partial(const at::Tensor& rows) const {
  const auto part = [this](const std::vector<at::Tensor>& in) {
    return linear_fc2_.partial(gated(linear_fc1_.of_shared(in[0])));
  };
  return kept_or_recomputed(recomputes_, part, {rows});
}

namespace {

std::function<at::Tensor(const at::Tensor&, const PackLayout&)> mlp_of(const Scope& scope,
                                                                       const MovieGenShape& shape,
                                                                       const RecomputePlan& plan) {
  if (shape.experts) return ExpertMlp(scope, shape, plan);
  return SwiGlu(scope, shape, plan);
}

}  // namespace

MovieGenBlock::MovieGenBlock(const Scope& scope, const MovieGenShape& shape, const RecomputePlan& plan)
    : shape_(shape),
      self_attention_(scope.child("self_attention"), shape, plan),
      cross_attention_(scope.child("cross_attention"), shape, plan),
      mlp_(mlp_of(scope.child("mlp"), shape, plan)),
      norm_weight_(scope.child("adaLN.ln").declare("weight", {shape.hidden_size}, Init::ones())),
      modulation_(scope.child("adaLN.adaLN_modulation.1"), shape.hidden_size, 6 * shape.hidden_size,
                  Init::zeros()) {}

at::Tensor MovieGenBlock::normed(const at::Tensor& x, const at::Tensor& shift, const at::Tensor& scale,
                                 const PackLayout& layout) const {
  return nn::modulated_rms_norm(x, norm_weight_, {shift, scale}, shape_.layernorm_epsilon, layout);
}

at::Tensor MovieGenBlock::forward(at::Tensor x, const MovieGenConditioning& given,
                                  const PackLayout& layout) const {
  enum { kSelfShift, kSelfScale, kSelfGate, kMlpShift, kMlpScale, kMlpGate };
  const auto m = modulation_(at::silu(given.time)).chunk(6, 1);
  x = x + given.positions;
  const at::Tensor attended = self_attention_(normed(x, m[kSelfShift], m[kSelfScale], layout), layout);
  x = nn::gated_add(x, m[kSelfGate], attended, layout);
  at::Tensor y = cross_attention_(x, given.text, layout);
  if (shape_.cross_residual) x = y = x + y;
  return nn::gated_add(x, m[kMlpGate], mlp_(normed(y, m[kMlpShift], m[kMlpScale], layout), layout), layout);
}

MovieGen::MovieGen(const MovieGenShape& shape, nn::ParameterList& parameters, RecomputePlan plan)
    : shape_(shape),
      plan_(std::move(plan)),
      x_embedder_(Linear::with_bias(Scope(parameters, "x_embedder").on_first_stage(),
                                    shape.patches.features(), shape.hidden_size)),
      time_embedder_(parameters, shape.hidden_size),
      time_norm_weight_(Scope(parameters, "affline_norm")
                            .on_all_stages()
                            .declare("weight", {shape.hidden_size}, Init::ones())),
      final_layer_linear_(Linear::with_bias(Scope(parameters, "final_layer_linear").on_last_stage(),
                                            shape.hidden_size, shape.patches.features(), last_init(shape))) {
  const auto table = [&](const char* name, std::int64_t extent) {
    return Scope(parameters, "pos_embedder")
        .child(name)
        .on_all_stages()
        .declare("weight", {extent, shape.hidden_size}, hidden_init(shape));
  };
  emb_t_ = table("emb_t", shape.max_frames / shape.patches.temporal);
  emb_h_ = table("emb_h", shape.max_img_h / shape.patches.spatial);
  emb_w_ = table("emb_w", shape.max_img_w / shape.patches.spatial);
  blocks_ = StageLayers<MovieGenBlock>(shape, parameters, plan_);
}

at::Tensor MovieGen::time_embedded(const at::Tensor& noise_level) const {
  const at::Tensor time = time_embedder_(noise_level, time_norm_weight_.scalar_type());
  return at::rms_norm(time, {shape_.hidden_size}, time_norm_weight_, kTimeNormEpsilon);
}

at::Tensor MovieGen::positions_embedded(const at::Tensor& positions) const {
  nn::require_positions_inside(positions, {emb_t_.size(0), emb_h_.size(0), emb_w_.size(0)});
  const at::Tensor there = nn::to_device(positions, emb_t_.device());
  return at::embedding(emb_t_, there.select(1, 0)) + at::embedding(emb_h_, there.select(1, 1)) +
         at::embedding(emb_w_, there.select(1, 2));
}

MovieGenConditioning MovieGen::conditioning(const PackInput& input, const PackLayout& layout) const {
  return {time_embedded(input.noise_level), input.text.to(time_norm_weight_.scalar_type()),
          positions_embedded(layout.own_rows(input.positions))};
}

at::Tensor MovieGen::embed(const PackInput& input, const PackLayout&) const {
  return x_embedder_(input.tokens.to(time_norm_weight_.scalar_type()));
}

at::Tensor MovieGen::layers(const Range& range, const at::Tensor& x, const MovieGenConditioning& given,
                            const PackLayout& layout) const {
  const auto block = [this, layout](std::size_t i, const std::vector<at::Tensor>& in) {
    return blocks_[i].forward(in[0], {in[1], in[2], in[3]}, layout);
  };
  return run_stack(plan_, range, block, {x, given.time, given.text, given.positions});
}

at::Tensor MovieGen::head(const at::Tensor& x, const MovieGenConditioning&, const PackLayout&) const {
  return final_layer_linear_(x);
}

at::Tensor MovieGen::forward(const PackInput& input, const PackLayout& layout) const {
  return run_chunk(*this, blocks_.all(), {}, input, layout);
}

namespace {

// Every expert multiplies the tokens it takes, the router all.
double mlp_products(const MovieGenShape& shape, std::int64_t tokens) {
  const double of_token = 3.0 * static_cast<double>(shape.hidden_size * shape.ffn_hidden_size);
  if (!shape.experts) return static_cast<double>(tokens) * of_token;
  const std::int64_t experts = shape.experts->count;
  const std::int64_t picks =
      experts * nn::expert_capacity(tokens, experts, shape.experts->choice.capacity_factor);
  return static_cast<double>(picks) * of_token + static_cast<double>(tokens * experts * shape.hidden_size);
}

double moviegen_forward_flops(const MovieGenShape& shape, std::int64_t tokens, std::int64_t text_rows) {
  const auto h = static_cast<double>(shape.hidden_size), q = static_cast<double>(shape.query_width()),
             kv = static_cast<double>(2 * shape.num_query_groups * shape.head_width()),
             s = static_cast<double>(tokens), t = static_cast<double>(text_rows);
  const double products = h * (q + kv) + 3 * h * q;
  const double text_products = 2 * q * static_cast<double>(shape.crossattn_emb_size);
  const double layers = s * products + mlp_products(shape, tokens) + t * text_products + 2 * s * q * (s + t);
  const double ends = 2 * s * h * static_cast<double>(shape.patches.features());
  return 2 * (static_cast<double>(shape.num_layers) * layers + ends);
}

std::string title_of(const MovieGenShape& shape) {
  const std::string sizes = fmt::format("{} layers, width {}, {} heads in {} groups", shape.num_layers,
                                        shape.hidden_size, shape.num_attention_heads, shape.num_query_groups);
  if (!shape.experts) return "MovieGen, " + sizes;
  return fmt::format("EC-DiT, {}, {} experts", sizes, shape.experts->count);
}

std::vector<TensorUnits> moviegen_tensor_units(const MovieGenShape& shape) {
  auto units = tensor_units(shape);
  units.push_back({"groups of queries", "model.num_query_groups", shape.num_query_groups, true});
  return units;
}

}  // namespace

BackboneSpec moviegen_spec(const MovieGenShape& shape, const RecomputePlan& plan) {
  return {
      .title = title_of(shape),
      .patches = shape.patches,
      .text_width = shape.crossattn_emb_size,
      .experts = shape.experts ? Experts{shape.experts->count, shape.experts->choice} : Experts{},
      .tensor_units = moviegen_tensor_units(shape),
      .layers = shape.num_layers,
      .most_positions = {{shape.max_img_h / shape.patches.spatial, shape.max_img_w / shape.patches.spatial}},
      .block = {.width = shape.hidden_size,
                .key_heads = shape.num_query_groups,
                .queries_of_key = shape.heads_in_group(),
                .head_width = shape.head_width()},
      .build = builder_of<MovieGen>(shape, plan),
      .forward_flops = [shape](const SampleSize& sample, std::int64_t rows) {
        return moviegen_forward_flops(shape, sample.tokens, rows);
      }};
}

}  // namespace dfm::model
