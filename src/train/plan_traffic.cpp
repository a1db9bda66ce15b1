// What a planned rank hands to collectives in a step.
#include <algorithm>
#include <utility>

#include "train/plan.h"
#include "train/plan_parts.h"
#include "train/unit_gather.h"

namespace dfm::train {
namespace {

using Packs = std::vector<PackOnRank>;

// A part of a block: what it moves for a pack, run forward so often and backward once a layer.
struct Runs {
  RunBytes (*bytes)(const PackOnRank& pack);
  double forward = 0, backward = 0;
};

double bytes_of(const Packs& packs, const Runs& runs) {
  double bytes = 0;
  for (const PackOnRank& pack : packs) {
    const RunBytes of_pack = runs.bytes(pack);
    bytes += pack.times * (runs.forward * of_pack.forward + runs.backward * of_pack.backward);
  }
  return bytes;
}

// How many messages of a pass a stage sends.
int messages_of(const nn::DepthCut& depth, std::int64_t layers) {
  int messages = 0;
  for (int number = 0; number < depth.chunks; ++number) {
    const nn::LayerChunk chunk = depth.chunk(layers, number);
    messages += (chunk.is_first ? 0 : 1) + (chunk.is_last ? 0 : 1);
  }
  return messages;
}

// Elements of blocks that are gathered in so many passes.
double gathered_elements(const PlannedParts& parts, const PlannedShard& shard, std::int64_t passes) {
  if (parts.layout.sharding != comm::Sharding::parameters) return shard.of_blocks();
  double elements = 0;
  const auto uses = parts.uses.of_training(static_cast<std::size_t>(passes));
  for (const std::size_t block : gathers_in_two_buffers(uses))
    elements += shard.units[parts.parameters.unit_of_block(block)];
  return elements;
}

bool shares_experts_over_context(const PlannedLayout& layout) {
  return comm::RankGrid(layout.ranks, layout.grid).context_ranks_of_experts() > 1;
}

// The ranks of an expert group, and how far they are from each other, on average.
std::pair<int, int> experts_apart(const PlannedLayout& layout) {
  const comm::RankGrid grid(layout.ranks, layout.grid);
  const int near = grid.context_ranks_of_experts(), tensor = layout.grid.tensor;
  return {layout.grid.expert, grid.data_size() == 1 ? tensor : tensor * layout.grid.context / near};
}

}  // namespace

bool PlannedWork::leaves_node(const PlannedLayout& layout, int ranks, int apart) const {
  return ranks > 1 && layout.ranks > ranks_per_node_ && ranks_per_node_ % (ranks * apart) != 0;
}

// Of a rank of data parallel ranks with equally many samples.
bool PlannedWork::knows_packs(const PlannedLayout& layout) const {
  return has_equal_samples_ && global_batch_ % comm::RankGrid(layout.ranks, layout.grid).data_size() == 0;
}

// Tokens on the context ranks.
std::vector<model::BlockShape::SequenceCounts> PlannedWork::attentions(const nn::PackLayout& layout) const {
  if (layout.counts_by_context_rank().size() == 1) return {};
  if (model_.block.sequences) return model_.block.sequences(layout, sample_);
  return {layout.counts_by_context_rank()};
}

// All are full but the last.
Packs PlannedWork::packs(const PlannedLayout& layout) const {
  const comm::GridShape& grid = layout.grid;
  const nn::SequenceCut cut{grid.context, grid.context - 1, grid.tensor, grid.tensor - 1};
  Packs packs;
  const auto add = [&](std::int64_t samples, std::int64_t times) {
    if (samples == 0 || times == 0) return;
    const auto count = static_cast<std::size_t>(samples);
    const nn::PackLayout whole(std::vector(count, sample_.tokens), std::vector(count, sample_text_));
    const nn::PackLayout share = whole.share(cut);
    packs.push_back({model_, layout.grid, share, attentions(share), static_cast<double>(element_bytes_),
                     static_cast<double>(times)});
  };
  add(samples_in_pack_, samples_of_rank(layout) / samples_in_pack_);
  add(samples_of_rank(layout) % samples_in_pack_, 1);
  return packs;
}

PlannedWork::Traffic PlannedWork::traffic(const PlannedParts& parts) const {
  const PlannedLayout& layout = parts.layout;
  const Packs packs = this->packs(layout);
  Traffic traffic;
  add_shard_traffic(parts, parts.dense, "", traffic);
  if (layout.grid.expert > 1) add_shard_traffic(parts, parts.experts, " of experts", traffic);
  if (layout.grid.tensor > 1) add_tensor_traffic(parts, packs, traffic);
  if (layout.grid.context > 1) add_context_traffic(parts, packs, traffic);
  if (layout.grid.expert > 1) add_expert_traffic(parts, packs, traffic);
  if (layout.grid.pipeline > 1) add_pipeline_traffic(parts, packs, traffic);
  return traffic;
}

// Of what all data x context ranks have, or of experts, which those have that hold the same.
void PlannedWork::add_shard_traffic(const PlannedParts& parts, const PlannedShard& shard,
                                    const std::string& of, Traffic& traffic) const {
  const PlannedLayout& layout = parts.layout;
  const auto size = static_cast<double>(element_bytes_), of_pass = static_cast<double>(passes(layout));
  const double outside = shard.units[0];
  const bool between_nodes = leaves_node(layout, shard.ranks, shard.apart);
  const bool is_estimate = layout.divides_blocks() && !has_equal_samples_;  // as the number of passes
  if (layout.ranks > 1 || layout.divides_blocks()) {
    traffic.push_back({"shard", "reduce-scatter of gradients" + of,
                       4 * (outside + of_pass * shard.of_blocks()), between_nodes, is_estimate});
  }
  traffic.push_back({"shard", "all-gather of weights" + of,
                     size * (outside + gathered_elements(parts, shard, passes(layout))), between_nodes,
                     is_estimate});
  // Expert ranks agree on it with all that have the same parameters.
  if (layout.divides_blocks() && layout.grid.expert == 1)
    traffic.push_back({"shard", "how many packs each rank has", sizeof(std::int64_t), between_nodes});
  if (shard.copies > 1) {
    traffic.push_back({"copies", "all-reduce of the share of gradients" + of, 4 * shard.owned,
                       leaves_node(layout, shard.copies, shard.apart * shard.ranks)});
  }
}

// Layers that are computed again move what they move forward once more; so do the parts of a selective plan.
void PlannedWork::add_tensor_traffic(const PlannedParts& parts, const Packs& packs, Traffic& traffic) const {
  const PlannedLayout& layout = parts.layout;
  const double layers = parts.layers, forward = layers + parts.layers_again;
  const bool between_nodes = leaves_node(layout, layout.grid.tensor, 1), is_estimate = !knows_packs(layout);
  const auto attentions = static_cast<double>(model_.block.self_attentions + 1);
  const auto add = [&](const char* what, const Runs& runs) {
    traffic.push_back({"tp", what, bytes_of(packs, runs), between_nodes, is_estimate});
  };
  add("rows for attentions, and sums back",
      {rows_between_tensor_ranks, attentions * forward, attentions * layers});
  if (model_.experts.count == 0) {
    add("rows for MLPs, and sums back",
        {rows_between_tensor_ranks, forward + (parts.recompute.mlp ? layers : 0), layers});
  } else {
    add("rows for experts, and sums back", {expert_rows_between_tensor_ranks, forward, layers});
    traffic.back().is_estimate = is_estimate || !knows_visitors(layout);
    add("scores that experts choose by", {scores_between_tensor_ranks, forward, layers});
  }
  if (model_.block.token_norms > 0) {
    add("squares of all heads summed",
        {norms_between_tensor_ranks, forward + (parts.recompute.core_attention ? layers : 0), layers});
  }
  traffic.push_back({"tp", "gradients of what all of them have", 4 * parts.owned_of_tensor, between_nodes});
}

// How many rows the experts of this rank take; in narrow elements it matters which tensor rank brings them.
bool PlannedWork::knows_visitors(const PlannedLayout& layout) const {
  if (layout.grid.expert == 1) return true;
  if (shares_experts_over_context(layout)) return false;
  if (!experts_take_from_any_rank(model_.experts, layout.grid)) return true;
  return layout.grid.context == 1 && element_bytes_ == sizeof(float);
}

void PlannedWork::add_context_traffic(const PlannedParts& parts, const Packs& packs, Traffic& traffic) const {
  const PlannedLayout& layout = parts.layout;
  const int tensor = layout.grid.tensor, context = layout.grid.context, heads = layout.grid.context_heads;
  const double layers = parts.layers, forward = layers + parts.layers_again;
  const double in_attention = forward + (parts.recompute.core_attention ? layers : 0);
  const bool is_estimate = !knows_packs(layout);
  if (heads > 1) {
    traffic.push_back({"cp", "heads for tokens, and back",
                       bytes_of(packs, {heads_between_context_ranks, in_attention, layers}),
                       leaves_node(layout, heads, tensor), is_estimate});
  }
  if (heads < context) {
    traffic.push_back({"cp", "keys and values round the ring",
                       bytes_of(packs, {keys_between_context_ranks, in_attention, layers}),
                       leaves_node(layout, context / heads, heads * tensor), is_estimate});
  }
  const double needed = bytes_of(packs, {needed_keys_between_context_ranks, in_attention, layers});
  if (needed > 0) {
    traffic.push_back({"cp", "keys and values to who needs them", needed,
                       leaves_node(layout, context, tensor), is_estimate});
  }
  if (model_.experts.count > 0) {
    traffic.push_back({"cp", "scores that experts choose by",
                       bytes_of(packs, {scores_between_context_ranks, forward, layers}),
                       leaves_node(layout, context, tensor), is_estimate});
  }
}

// Which rank of a replica has the rows that an expert takes, its scores say.
void PlannedWork::add_expert_traffic(const PlannedParts& parts, const Packs& packs, Traffic& traffic) const {
  const PlannedLayout& layout = parts.layout;
  const bool is_known = knows_packs(layout) && !shares_experts_over_context(layout) &&
                        !experts_take_from_any_rank(model_.experts, layout.grid);
  const auto [ranks, apart] = experts_apart(layout);
  traffic.push_back(
      {"ep", "rows to experts, and back",
       bytes_of(packs, {rows_between_expert_ranks, parts.layers + parts.layers_again, parts.layers}),
       leaves_node(layout, ranks, apart), !is_known});
}

void PlannedWork::add_pipeline_traffic(const PlannedParts& parts, const Packs& packs,
                                       Traffic& traffic) const {
  const PlannedLayout& layout = parts.layout;
  const int stages = layout.grid.pipeline;
  const bool between_nodes = leaves_node(layout, stages, layout.ranks / stages);
  double rows = 0;
  for (const PackOnRank& pack : packs) rows += pack.times * static_cast<double>(pack.layout.tokens());
  traffic.push_back({"pp", "activations on, gradients back",
                     messages_of(parts.depth, model_.layers) * rows * row_bytes(), between_nodes,
                     !knows_packs(layout)});
  traffic.push_back({"pp", "gradients of what all stages have", 4 * parts.owned_of_stages, between_nodes});
}

}  // namespace dfm::train
