#include "train/plan.h"

#include <algorithm>

#include "core/error.h"
#include "model/patchify.h"
#include "train/layout_check.h"
#include "train/mock_grid.h"
#include "train/trainer.h"
#include "train/unit_gather.h"

namespace dfm::train {
namespace {

double sum_of_buckets(const ShardLayout& layout, const nn::ParameterUnit& unit) {
  std::int64_t sum = 0;
  for (const Bucket& bucket : layout.buckets()) {
    if (bucket.first_parameter >= unit.first && bucket.first_parameter < unit.last) sum += bucket.count();
  }
  return static_cast<double>(sum);
}

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
        parameters(
            nn::ModelParallel{.depth = depth, .planned = {layout.grid.context, 0, layout.grid.tensor, 0}}),
        recompute(model.build(parameters).recompute),
        shard_ranks(grid.data_size() * layout.grid.context / grid.shape().shard_copies),
        copies(grid.shape().shard_copies) {
    parameters.arrange(is_divided(layout) ? nn::Memory::by_block : nn::Memory::whole);
    shards.emplace(parameters, 0, shard_ranks);
    for (const nn::ParameterUnit& unit : parameters.units()) units.push_back(sum_of_buckets(*shards, unit));
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
  int shard_ranks, copies;
  std::optional<ShardLayout> shards;
  std::vector<double> units;  // elements
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
  const double gathered =
      layout.grid.tensor == 1 ? 0 : 3 * (rows - share) * static_cast<double>(hidden_ * element_bytes_);
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
  const auto owned = static_cast<double>(parts.shards->owned_count());
  const double all_ranks_of_shard = static_cast<double>(layout.grid.tensor) * parts.shard_ranks;
  double blocks = 0;
  for (std::size_t i = 1; i < parts.units.size(); ++i) blocks += parts.units[i];
  double gathered = blocks;
  if (layout.sharding == comm::Sharding::parameters) {
    const std::size_t count = parts.units.size() - 1;
    std::vector<model::BlockUse> uses;
    for (std::int64_t i = 0; i < passes(layout); ++i) {
      const auto pass = model::training_uses(parts.recompute, count);
      uses.insert(uses.end(), pass.begin(), pass.end());
    }
    gathered = 0;
    for (const std::size_t block : gathers_in_two_buffers(uses)) gathered += parts.units.at(block + 1);
  }
  std::vector<PlannedTraffic> traffic;
  const bool leaves_node = all_ranks_of_shard > ranks_per_node_;
  const bool copies_leave = layout.ranks > ranks_per_node_;
  if (layout.ranks > 1 || is_divided(layout)) {
    traffic.push_back(
        {"shard", "reduce-scatter of gradients", 4 * (parts.units[0] + of_pass * blocks), leaves_node});
  }
  traffic.push_back({"shard", "all-gather of weights", size * (parts.units[0] + gathered), leaves_node});
  if (parts.copies > 1) {
    traffic.push_back({"copies", "all-reduce of the share of gradients", 4 * owned, copies_leave});
  }
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
  if (layout.grid.pipeline > 1) add_pipeline_traffic(layout, parts, traffic);
  return traffic;
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
