#include "model/stdit.h"

#include "model/patchify.h"
#include "nn/modulation.h"

namespace dfm::model {
namespace {

using nn::PackLayout;
using nn::Scope;

enum Branches { kFull, kCross, kTemporal, kSpatial, kMlp, kBranches };

}  // namespace

StDitBlock::StDitBlock(const Scope& scope, const DitShape& shape, const RecomputePlan& plan)
    : epsilon_(shape.layernorm_epsilon),
      full_attention_(scope.child("full_self_attention"), shape, plan),
      cross_attention_(scope.child("cross_attention"), shape, plan),
      temporal_attention_(scope.child("temporal_self_attention"), shape, plan),
      spatial_attention_(scope.child("spatial_self_attention"), shape, plan),
      mlp_(scope.child("mlp"), shape, plan),
      modulation_(scope.child("adaLN.adaLN_modulation"), shape, kBranches) {}

at::Tensor StDitBlock::forward(at::Tensor x, const DitConditioning& given, const StDitOrders& orders) const {
  const PackLayout& layout = orders.full;
  const auto m = modulation_(given.time);
  const auto normed = [&](const Branch& branch) {
    return nn::modulated_norm(x, branch.shift, branch.scale, epsilon_, layout);
  };
  x = nn::gated_add(x, m[kFull].gate, full_attention_(normed(m[kFull]), layout), layout);
  x = nn::gated_add(x, m[kCross].gate, cross_attention_(normed(m[kCross]), given.text, layout), layout);
  x = nn::gated_add(x, m[kTemporal].gate, temporal_attention_(normed(m[kTemporal]), layout, orders.temporal),
                    layout);
  x = nn::gated_add(x, m[kSpatial].gate, spatial_attention_(normed(m[kSpatial]), layout, orders.spatial),
                    layout);
  return nn::gated_add(x, m[kMlp].gate, mlp_(normed(m[kMlp]), layout), layout);
}

StDit::StDit(const DitShape& shape, nn::ParameterList& parameters, RecomputePlan plan)
    : plan_(std::move(plan)),
      cut_(parameters.parallel().sequence_cut()),
      ends_(shape, parameters),
      blocks_(shape, parameters, plan_) {}

StDitConditioning StDit::conditioning(const PackInput& input, const PackLayout& layout) const {
  const at::Device device = input.text.device();
  return {{ends_.normed_time_embedded(input.noise_level), input.text.to(ends_.dtype())},
          {layout, through_frames(input.positions, layout, cut_).on(device),
           within_frames(input.positions, layout, cut_).on(device)}};
}

at::Tensor StDit::embed(const PackInput& input, const PackLayout& layout) const {
  return ends_.tokens_embedded(input, layout);
}

at::Tensor StDit::layers(const Range& range, const at::Tensor& x, const StDitConditioning& given,
                         const PackLayout&) const {
  const auto block = [this, orders = given.orders](std::size_t i, const std::vector<at::Tensor>& in) {
    return blocks_[i].forward(in[0], {in[1], in[2]}, orders);
  };
  return run_stack(plan_, range, block, {x, given.each_token.time, given.each_token.text});
}

at::Tensor StDit::head(const at::Tensor& x, const StDitConditioning&, const PackLayout&) const {
  return ends_.patches_of(x);
}

at::Tensor StDit::forward(const PackInput& input, const PackLayout& layout) const {
  return run_chunk(*this, blocks_.all(), {}, input, layout);
}

namespace {

// Of two more attentions a block, each with its four projections, of short sequences.
double axis_attention_flops(const DitShape& shape, const SampleSize& sample) {
  const auto h = static_cast<double>(shape.hidden_size), s = static_cast<double>(sample.tokens),
             frames = static_cast<double>(sample.frames);
  return 2 * static_cast<double>(shape.num_layers) * (8 * s * h * h + 2 * s * h * (frames + s / frames));
}

// Of samples that are all alike.
std::vector<AxisOrder::Counts> sequences_of(const PackLayout& layout, const SampleSize& sample) {
  const at::Tensor positions =
      token_positions({sample.frames, 1, sample.tokens / sample.frames}).repeat({layout.samples(), 1});
  const nn::SequenceCut cut{.context_ranks = static_cast<int>(layout.counts_by_context_rank().size())};
  return {layout.counts_by_context_rank(), through_frames(positions, layout, cut).counts(),
          within_frames(positions, layout, cut).counts()};
}

}  // namespace

BackboneSpec stdit_spec(const DitShape& shape, const RecomputePlan& plan) {
  BackboneSpec spec = dit_spec(shape, plan);
  spec.title = "ST-" + spec.title;
  spec.block.self_attentions = 3;
  spec.block.sequences = sequences_of;
  spec.build = builder_of<StDit>(shape, plan);
  spec.forward_flops = [shape, of_dit = spec.forward_flops](const SampleSize& sample, std::int64_t rows) {
    return of_dit(sample, rows) + axis_attention_flops(shape, sample);
  };
  return spec;
}

}  // namespace dfm::model
