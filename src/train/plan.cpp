#include "train/plan.h"

#include <algorithm>
#include <memory>

#include "model/patchify.h"
#include "train/layout_check.h"
#include "train/mock_grid.h"
#include "train/plan_parts.h"

namespace dfm::train {

PlannedWork::PlannedWork(const Config& config)
    : model_(model::backbone_spec(config)),
      hidden_(config.integer("model.hidden_size")),
      element_bytes_(config.text("train.precision") == "fp32" ? 4 : 2),
      global_batch_(config.integer("train.global_batch_size")),
      ranks_per_node_(static_cast<int>(config.integer("plan.ranks_per_node"))),
      has_average_(config.real("train.ema_decay") > 0),
      deals_packs_(config.text("diffusion.noise_level") == "per_pack" ||
                   config.text("dataset.batching") != "packed"),
      has_equal_samples_(config.flag("dataset.mock") && config.text("dataset.batching") == "packed") {
  const std::int64_t capacity = config.integer("dataset.task_encoder_seq_length");
  sample_text_ = config.integer("dataset.context_seq_len");
  sample_.tokens = capacity;
  if (config.flag("dataset.mock")) {
    const auto grid = model::patch_grid(mock_latent_shape(config, model_.patches), model_.patches);
    sample_ = {grid.tokens(), grid.frames};
  } else {
    refuse_mock_tokens(config);
  }
  samples_in_pack_ = std::max<std::int64_t>(capacity / sample_.tokens, 1);
  nn::ParameterList whole;
  model_.build(whole);
  parameters_ = whole.total_count();
  probed_ = probe_activations(config, sample_text_);
}

double PlannedWork::true_flops() const {
  return 3 * model_.forward_flops(sample_, sample_text_) / static_cast<double>(sample_.tokens);
}

double PlannedWork::reported_flops() const {
  nn::ParameterList parameters;
  model_.build(parameters);
  double weights = 0;
  for (const nn::Parameter& each : parameters.all()) {
    const bool is_cross = each.name.find("cross_attention.linear_k") != std::string::npos ||
                          each.name.find("cross_attention.linear_v") != std::string::npos;
    if (!is_cross) weights += static_cast<double>(each.global_count());
  }
  const auto layers = static_cast<double>(model_.layers), hidden = static_cast<double>(hidden_);
  return 6 * weights + 12 * layers * hidden * static_cast<double>(sample_.tokens);
}

Plan PlannedWork::plan(const PlannedLayout& layout) const {
  require_fitting_layout(model_, comm::RankGrid(layout.ranks, layout.grid));
  auto fullest = std::make_unique<const PlannedParts>(model_, layout, 0);
  for (int stage = 1; stage < layout.grid.pipeline; ++stage) {
    auto parts = std::make_unique<const PlannedParts>(model_, layout, stage);
    if (memory(*parts).peak() > memory(*fullest).peak()) fullest = std::move(parts);
  }
  Plan plan;
  plan.layout = layout;
  plan.rank = fullest->rank;
  plan.stage = fullest->depth.stage;
  plan.parameters = parameters_;
  for (const nn::Parameter& each : fullest->parameters.all()) plan.local_parameters += each.count();
  plan.tokens = tokens_of_pack(layout);
  plan.passes = passes(layout);
  plan.waiting_share = waiting_share(layout.pipeline(plan.passes));
  plan.memory = memory(*fullest);
  plan.traffic = traffic(*fullest);
  return plan;
}

// They are dealt to the data-parallel ranks evenly and packed there.
std::int64_t PlannedWork::samples_of_rank(const PlannedLayout& layout) const {
  const std::int64_t data = comm::RankGrid(layout.ranks, layout.grid).data_size();
  return (global_batch_ + data - 1) / data;
}

std::int64_t PlannedWork::passes(const PlannedLayout& layout) const {
  return (samples_of_rank(layout) + samples_in_pack_ - 1) / samples_in_pack_;
}

std::int64_t PlannedWork::most_in_pack(const PlannedLayout& layout) const {
  return std::min(samples_in_pack_, deals_packs_ ? global_batch_ : samples_of_rank(layout));
}

double PlannedWork::tokens_of_rank(const PlannedLayout& layout) const {
  return static_cast<double>(tokens_of_pack(layout)) / layout.grid.context / layout.grid.tensor;
}

}  // namespace dfm::train
