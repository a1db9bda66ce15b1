#include "model/stdit.h"

#include <fmt/core.h>

#include "nn/modulation.h"

namespace dfm::model {
namespace {

using nn::Init;
using nn::Linear;
using nn::PackLayout;
using nn::Scope;

enum Branches { kFull, kCross, kTemporal, kSpatial, kMlp, kBranches };

constexpr double kTimeNormEpsilon = 1e-6;

}  // namespace

StDitBlock::StDitBlock(const Scope& scope, const DitShape& shape, const RecomputePlan& plan)
    : epsilon_(shape.layernorm_epsilon),
      full_attention_(scope.child("full_self_attention"), shape, plan),
      cross_attention_(scope.child("cross_attention"), shape, plan),
      temporal_attention_(scope.child("temporal_self_attention"), shape, plan),
      spatial_attention_(scope.child("spatial_self_attention"), shape, plan),
      mlp_(scope.child("mlp"), shape, plan),
      modulation_(scope.child("adaLN.adaLN_modulation"), shape, kBranches) {}

at::Tensor StDitBlock::forward(at::Tensor x, const at::Tensor& time, const at::Tensor& text,
                               const StDitOrders& orders) const {
  const PackLayout& layout = orders.full;
  const auto m = modulation_(time);
  const auto normed = [&](const Branch& branch) {
    return nn::modulated_norm(x, branch.shift, branch.scale, epsilon_, layout);
  };
  x = nn::gated_add(x, m[kFull].gate, full_attention_(normed(m[kFull]), layout), layout);
  x = nn::gated_add(x, m[kCross].gate, cross_attention_(normed(m[kCross]), text, layout), layout);
  x = nn::gated_add(x, m[kTemporal].gate, temporal_attention_(normed(m[kTemporal]), layout, orders.temporal),
                    layout);
  x = nn::gated_add(x, m[kSpatial].gate, spatial_attention_(normed(m[kSpatial]), layout, orders.spatial),
                    layout);
  return nn::gated_add(x, m[kMlp].gate, mlp_(normed(m[kMlp]), layout), layout);
}

StDit::StDit(const DitShape& shape, nn::ParameterList& parameters, RecomputePlan plan)
    : plan_(std::move(plan)),
      cut_(parameters.parallel().sequence_cut()),
      time_norm_weight_(
          Scope(parameters, "affline_norm").declare("weight", {shape.hidden_size}, Init::ones())),
      x_embedder_(
          Linear::with_bias(Scope(parameters, "x_embedder"), shape.patch_features(), shape.hidden_size)),
      position_table_(shape.max_frames / shape.patch_temporal, shape.max_img_h / shape.patch_spatial,
                      shape.max_img_w / shape.patch_spatial, shape.hidden_size),
      time_embedder_(parameters, shape.hidden_size),
      final_layer_linear_(Linear::with_bias(Scope(parameters, "final_layer_linear"), shape.hidden_size,
                                            shape.patch_features(), last_init(shape))) {
  for (std::int64_t i = 0; i < shape.num_layers; ++i) {
    blocks_.emplace_back(Scope(parameters, "decoder.layers." + std::to_string(i)), shape, plan_);
  }
}

at::Tensor StDit::forward(const PackInput& input, const PackLayout& layout) const {
  const auto dtype = time_norm_weight_.scalar_type();
  const at::Tensor x = x_embedder_(input.tokens.to(dtype)) +
                       position_table_.rows_for(layout.own_rows(input.positions)).to(dtype);
  const at::Tensor time = at::rms_norm(time_embedder_(input.noise_level, dtype), {x.size(1)},
                                       time_norm_weight_, kTimeNormEpsilon);
  const StDitOrders orders{layout, through_frames(input.positions, layout, cut_),
                           within_frames(input.positions, layout, cut_)};
  const auto block = [this, orders](std::size_t i, const std::vector<at::Tensor>& in) {
    return blocks_[i].forward(in[0], in[1], in[2], orders);
  };
  return final_layer_linear_(run_stack(plan_, blocks_.size(), block, {x, time, input.text.to(dtype)}));
}

namespace {

// A DiT whose blocks have two more attentions, each with its four projections, of short sequences.
double stdit_forward_flops(const DitShape& shape, const SampleSize& sample, std::int64_t text_rows) {
  const auto h = static_cast<double>(shape.hidden_size), s = static_cast<double>(sample.tokens),
             t = static_cast<double>(text_rows), frames = static_cast<double>(sample.frames);
  const double products = 14 * h * h + 2 * h * static_cast<double>(shape.ffn_hidden_size);
  const double text_products = 2 * h * static_cast<double>(shape.crossattn_emb_size);
  const double attention = 2 * s * h * (s + t + frames + s / frames);
  const double layers = s * products + t * text_products + attention;
  const double ends = 2 * s * h * static_cast<double>(shape.patch_features());
  return 2 * (static_cast<double>(shape.num_layers) * layers + ends);
}

}  // namespace

BackboneSpec stdit_spec(const DitShape& shape, const RecomputePlan& plan) {
  return {.title = fmt::format("ST-DiT, {} layers, width {}, {} heads", shape.num_layers, shape.hidden_size,
                               shape.num_attention_heads),
          .patches = shape,
          .text_width = shape.crossattn_emb_size,
          .tensor_units = tensor_units(shape),
          .build = builder_of<StDit>(shape, plan),
          .forward_flops = [shape](const SampleSize& sample, std::int64_t rows) {
            return stdit_forward_flops(shape, sample, rows);
          }};
}

}  // namespace dfm::model
