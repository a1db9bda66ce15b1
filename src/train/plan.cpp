#include "train/plan.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "core/error.h"
#include "model/patchify.h"
#include "train/layout_check.h"
#include "train/mock_grid.h"
#include "train/trainer.h"
#include "train/unit_gather.h"

namespace dfm::train {
namespace {

// How many ranks divide a parameter, so many times.
struct PlannedShard {
  PlannedShard(int among, int wanted_copies)
      : copies(std::gcd(among, wanted_copies)), ranks(among / copies) {}
  int copies, ranks;
};

bool is_divided(const PlannedLayout& layout) { return layout.sharding >= comm::Sharding::gradients; }

nn::DepthCut depth_of(const PlannedLayout& layout, int stage) {
  return {layout.grid.pipeline, stage, layout.grid.pipeline_chunks};
}

PipelineShape pipeline_of(const PlannedLayout& layout, std::int64_t passes) {
  return {static_cast<std::size_t>(layout.grid.pipeline),
          static_cast<std::size_t>(layout.grid.pipeline_chunks), static_cast<std::size_t>(passes)};
}

}  // namespace

double PlannedMemory::peak() const {
  return weights + gradients + optimizer + std::max(activations, fresh_gradients + buffers);
}

// The declared parameters of a rank of the layout, and how they are divided. `values` has one number a unit.
struct PlannedWork::Parts {
  Parts(const model::BackboneSpec& model, const PlannedLayout& layout, const comm::RankGrid& grid, int stage)
      : depth(depth_of(layout, stage)),
        parameters(nn::ModelParallel{.depth = depth,
                                     .planned = {layout.grid.context, 0, layout.grid.tensor, 0},
                                     // The last has one more where they are cut unevenly.
                                     .planned_experts = {layout.grid.expert, layout.grid.expert - 1}}),
        recompute(model.build(parameters).recompute),
        dense(grid.data_size() * layout.grid.context, grid.shape().shard_copies),
        experts(grid.data_size() * layout.grid.context / layout.grid.expert, grid.shape().shard_copies) {
    parameters.arrange(is_divided(layout) ? nn::Memory::by_block : nn::Memory::whole);
    shards.emplace(parameters, ShardPlaces{{0, dense.ranks}, {0, experts.ranks}});
    for (const nn::ParameterUnit& unit : parameters.units()) {
      of_experts.push_back(sum_of_buckets(unit, true));
      units.push_back(sum_of_buckets(unit, false) + of_experts.back());
    }
  }
  bool is_of_expert(const Bucket& bucket) const {
    return parameters.all()[bucket.first_parameter].placement.is_of_expert;
  }
  double sum_of_buckets(const nn::ParameterUnit& unit, bool are_of_experts) const {
    std::int64_t sum = 0;
    for (const Bucket& bucket : shards->buckets()) {
      if (bucket.first_parameter >= unit.first && bucket.first_parameter < unit.last &&
          is_of_expert(bucket) == are_of_experts)
        sum += bucket.count();
    }
    return static_cast<double>(sum);
  }
  double owned(bool are_of_experts) const {
    std::int64_t sum = 0;
    for (const Bucket& bucket : shards->buckets()) {
      if (is_of_expert(bucket) == are_of_experts) sum += bucket.counts.front();
    }
    return static_cast<double>(sum);
  }
  double largest_block() const {
    return units.size() < 2 ? 0 : *std::max_element(units.begin() + 1, units.end());
  }
  double largest_bucket() const {
    std::int64_t most = 0;
    for (const Bucket& bucket : shards->buckets()) most = std::max(most, bucket.count());
    return static_cast<double>(most);
  }

  nn::DepthCut depth;
  nn::ParameterList parameters;
  model::RecomputePlan recompute;
  PlannedShard dense, experts;
  std::optional<ShardLayout> shards;
  std::vector<double> units, of_experts;  // elements of each unit, and of them those of experts
};

PlannedWork::PlannedWork(const Config& config)
    : config_(config),
      model_(model::backbone_spec(config)),
      layers_(config.integer("model.num_layers")),
      hidden_(config.integer("model.hidden_size")),
      element_bytes_(config.text("train.precision") == "fp32" ? 4 : 2),
      ranks_per_node_(static_cast<int>(config.integer("plan.ranks_per_node"))),
      has_average_(config.real("train.ema_decay") > 0) {
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
  tokens_ = samples_in_pack_ * sample_.tokens;
  nn::ParameterList whole;
  model_.build(whole);
  parameters_ = whole.total_count();
  probed_ = probe_activations(config, samples_in_pack_ * sample_text_);
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
  const auto layers = static_cast<double>(layers_), hidden = static_cast<double>(hidden_);
  return 6 * weights + 12 * layers * hidden * static_cast<double>(sample_.tokens);
}

Plan PlannedWork::plan(const PlannedLayout& layout) const {
  require_fitting_layout(model_, comm::RankGrid(layout.ranks, layout.grid));
  Plan fullest = of_stage(layout, 0);
  for (int stage = 1; stage < layout.grid.pipeline; ++stage) {
    Plan plan = of_stage(layout, stage);
    if (plan.memory.peak() > fullest.memory.peak()) fullest = std::move(plan);
  }
  fullest.parameters = parameters_;
  fullest.waiting_share = waiting_share(pipeline_of(layout, fullest.passes));
  return fullest;
}

Plan PlannedWork::of_stage(const PlannedLayout& layout, int stage) const {
  const comm::RankGrid grid(layout.ranks, layout.grid);
  const Parts parts(model_, layout, grid, stage);
  Plan plan;
  plan.layout = layout;
  plan.stage = stage;
  for (const nn::Parameter& each : parts.parameters.all()) plan.local_parameters += each.count();
  plan.passes = passes(layout);
  plan.memory = memory(layout, parts);
  plan.traffic = traffic(layout, parts);
  return plan;
}

// Samples are dealt to the data-parallel ranks evenly and packed there.
std::int64_t PlannedWork::passes(const PlannedLayout& layout) const {
  const std::int64_t data = comm::RankGrid(layout.ranks, layout.grid).data_size();
  const std::int64_t samples = (config_.integer("train.global_batch_size") + data - 1) / data;
  return (samples + samples_in_pack_ - 1) / samples_in_pack_;
}

double PlannedWork::tokens_of_rank(const PlannedLayout& layout) const {
  return static_cast<double>(tokens_) / layout.grid.context / layout.grid.tensor;
}

PlannedWork::KeptByChunk PlannedWork::kept_by(const nn::LayerChunk& chunk,
                                              const PlannedLayout& layout) const {
  const double share = tokens_of_rank(layout);
  const double rows = static_cast<double>(tokens_) / layout.grid.context;
  const double message = share * static_cast<double>(hidden_ * element_bytes_);
  // Three times a block the rows of the tensor ranks are gathered, and kept for the gradient of a weight.
  // Experts keep those that they take instead, and for the gradient of a score what they make of them.
  const double of_row = static_cast<double>(hidden_ * element_bytes_);
  const double of_mlp = model_.experts.count == 0
                            ? of_row
                            : model_.experts.of_token * (of_row + 4 * static_cast<double>(hidden_));
  const double gathered = layout.grid.tensor == 1 ? 0 : (rows - share) * (2 * of_row + of_mlp);
  const auto kept = [&](double blocks) { return probed_.kept.of(blocks, share) + blocks * gathered; };
  // What came from the chunk before, what went to the chunk after, and the inputs of recomputed groups.
  double messages = (chunk.is_first ? 0 : message) + (chunk.is_last ? 0 : message);
  std::int64_t again = 0, longest = 0;
  for (const std::int64_t group : model::recompute_plan(config_).groups) {
    const std::int64_t size = std::min(group, chunk.layers.count - again);
    messages += size > 0 ? message : 0;
    again += size;
    longest = std::max(longest, size);
  }
  const double rest = kept(static_cast<double>(chunk.layers.count - again));
  const double one_group = static_cast<double>(longest) * (kept(1) - kept(0));
  return {messages + rest, messages + std::max(rest, kept(0) + one_group)};
}

// With all packs in flight.
double PlannedWork::most_kept(const std::vector<PipelineWork>& order,
                              const std::vector<KeptByChunk>& chunks) {
  double now = 0, most = 0;
  for (const PipelineWork& work : order) {
    const auto& [until, within] = chunks.at(work.chunk);
    if (!work.is_backward) now += until;
    most = std::max(most, now - until + within);
    if (work.is_backward) now -= until;
  }
  return most;
}

// At the worst moment of a stage.
double PlannedWork::activations(const PlannedLayout& layout, const nn::DepthCut& depth) const {
  std::vector<KeptByChunk> chunks;
  for (int number = 0; number < depth.chunks; ++number)
    chunks.push_back(kept_by(depth.chunk(layers_, number), layout));
  const auto order =
      pipeline_schedule(pipeline_of(layout, passes(layout)), static_cast<std::size_t>(depth.stage));
  return most_kept(order, chunks) + probed_.transient.of(1, tokens_of_rank(layout));
}

PlannedMemory PlannedWork::memory(const PlannedLayout& layout, const Parts& parts) const {
  const auto size = static_cast<double>(element_bytes_);
  const auto owned = static_cast<double>(parts.shards->owned_count());
  double all = 0;
  for (const double unit : parts.units) all += unit;
  const bool is_divided_by_block = is_divided(layout);
  PlannedMemory memory;
  memory.activations = activations(layout, parts.depth);
  memory.optimizer =
      4 * owned * (2 + (element_bytes_ == 2 || is_divided_by_block ? 1 : 0) + (has_average_ ? 1 : 0));
  if (layout.ranks > 1 || is_divided_by_block) {
    memory.gradients = 4 * owned;
    memory.buffers = 4 * parts.largest_bucket();
  }
  if (!is_divided_by_block) {
    memory.weights = size * all;
    // The sums of earlier passes stay while a pass is made. In float32 they are the gradients themselves.
    const bool has_sums = passes(layout) * parts.depth.chunks > 1;
    if (has_sums) memory.gradients += 4 * all;
    memory.fresh_gradients = has_sums && element_bytes_ == 4 ? 0 : size * all;
    return memory;
  }
  const double blocks = layout.sharding == comm::Sharding::parameters
                            ? std::min<double>(2, static_cast<double>(parts.units.size()) - 1)
                            : static_cast<double>(parts.units.size()) - 1;
  memory.weights = size * (parts.units[0] + blocks * parts.largest_block());
  // One block's and those outside, beside the activations; one sum is on its way.
  const double fresh = size * (parts.units[0] + parts.largest_block());
  memory.activations += fresh + memory.buffers;
  memory.fresh_gradients = fresh;
  return memory;
}

std::vector<PlannedTraffic> PlannedWork::traffic(const PlannedLayout& layout, const Parts& parts) const {
  const auto size = static_cast<double>(element_bytes_);
  const auto of_pass = static_cast<double>(passes(layout));
  std::vector<PlannedTraffic> traffic;
  add_shard_traffic(layout, parts, false, traffic);
  if (layout.grid.expert > 1) add_shard_traffic(layout, parts, true, traffic);
  std::int64_t layers = 0;  // of this stage
  for (int number = 0; number < parts.depth.chunks; ++number)
    layers += parts.depth.chunk(layers_, number).layers.count;
  const double rows = static_cast<double>(tokens_) / layout.grid.context * static_cast<double>(hidden_) *
                      size * static_cast<double>(layers) * of_pass;
  if (layout.grid.tensor > 1) {
    const bool spans = layout.grid.tensor > ranks_per_node_;
    traffic.push_back(
        {"tp", "rows gathered and scattered, three pairs a block, forward and back", 12 * rows, spans, true});
  }
  if (layout.grid.context > 1) {
    const bool spans = layout.grid.context * layout.grid.tensor > ranks_per_node_;
    traffic.push_back({"cp", "keys and values, and back their gradients",
                       6 * rows * (layout.grid.context - 1) / layout.grid.tensor, spans, true});
  }
  const double layer_passes = static_cast<double>(layers) * of_pass;
  if (model_.experts.count > 0) add_expert_traffic(layout, layer_passes, traffic);
  if (layout.grid.pipeline > 1) add_pipeline_traffic(layout, parts, traffic);
  return traffic;
}

// Of what all data x context ranks have, or of experts, which those have that hold the same.
void PlannedWork::add_shard_traffic(const PlannedLayout& layout, const Parts& parts, bool are_of_experts,
                                    std::vector<PlannedTraffic>& traffic) const {
  const auto size = static_cast<double>(element_bytes_);
  const auto& [copies, ranks] = are_of_experts ? parts.experts : parts.dense;
  const auto elements = [&](std::size_t unit) {
    return are_of_experts ? parts.of_experts.at(unit) : parts.units.at(unit) - parts.of_experts.at(unit);
  };
  double blocks = 0;
  for (std::size_t i = 1; i < parts.units.size(); ++i) blocks += elements(i);
  double gathered = blocks;
  if (layout.sharding == comm::Sharding::parameters) {
    const std::size_t count = parts.units.size() - 1;
    std::vector<model::BlockUse> uses;
    for (std::int64_t i = 0; i < passes(layout); ++i) {
      const auto pass = model::training_uses(parts.recompute, count);
      uses.insert(uses.end(), pass.begin(), pass.end());
    }
    gathered = 0;
    for (const std::size_t block : gathers_in_two_buffers(uses)) gathered += elements(block + 1);
  }
  const bool leaves_node =
      static_cast<double>(layout.grid.tensor) * ranks * (are_of_experts ? layout.grid.expert : 1) >
      ranks_per_node_;
  const std::string of = are_of_experts ? " of experts" : "";
  if (layout.ranks > 1 || is_divided(layout)) {
    traffic.push_back({"shard", "reduce-scatter of gradients" + of,
                       4 * (elements(0) + static_cast<double>(passes(layout)) * blocks), leaves_node});
  }
  traffic.push_back({"shard", "all-gather of weights" + of, size * (elements(0) + gathered), leaves_node});
  if (copies > 1) {
    traffic.push_back({"copies", "all-reduce of the share of gradients" + of, 4 * parts.owned(are_of_experts),
                       layout.ranks > ranks_per_node_});
  }
}

// A row goes to every expert that takes it and comes back, forward and back; scores go to who chooses.
void PlannedWork::add_expert_traffic(const PlannedLayout& layout, double layer_passes,
                                     std::vector<PlannedTraffic>& traffic) const {
  const auto& [tensor, context, expert] =
      std::tuple(layout.grid.tensor, layout.grid.context, layout.grid.expert);
  const double rows = static_cast<double>(tokens_) / context * layer_passes;
  const double scores = 4 * rows * static_cast<double>(model_.experts.count);
  if (tensor > 1) {
    traffic.push_back(
        {"tp", "scores gathered, and their gradients summed", 2 * scores, tensor > ranks_per_node_, true});
  }
  if (context > 1) {
    traffic.push_back({"cp", "scores gathered", context * scores, context * tensor > ranks_per_node_, true});
  }
  if (expert == 1) return;
  const double away = model_.experts.of_token * (expert - 1) / expert;
  traffic.push_back({"ep", "rows to the experts that take them and back, forward and back",
                     4 * rows * away * static_cast<double>(hidden_ * element_bytes_),
                     expert * context * tensor > ranks_per_node_, true});
}

void PlannedWork::add_pipeline_traffic(const PlannedLayout& layout, const Parts& parts,
                                       std::vector<PlannedTraffic>& traffic) const {
  int messages = 0;  // of a pass
  for (int number = 0; number < parts.depth.chunks; ++number) {
    const nn::LayerChunk chunk = parts.depth.chunk(layers_, number);
    messages += (chunk.is_first ? 0 : 1) + (chunk.is_last ? 0 : 1);
  }
  double replicas = 0;
  for (const Bucket& bucket : parts.shards->buckets()) {
    if (parts.parameters.all()[bucket.first_parameter].placement.partial_over_pipeline)
      replicas += static_cast<double>(bucket.counts.front());
  }
  const bool leaves_node = layout.ranks > ranks_per_node_;
  const bool is_even = tokens_ % (layout.grid.context * layout.grid.tensor) == 0;
  traffic.push_back({"pp", "activations to the next stage, gradients to the one before",
                     messages * static_cast<double>(passes(layout)) * tokens_of_rank(layout) *
                         static_cast<double>(hidden_ * element_bytes_),
                     leaves_node, !is_even});
  traffic.push_back({"pp", "all-reduce of the gradients of what all stages have", 4 * replicas, leaves_node});
}

}  // namespace dfm::train
