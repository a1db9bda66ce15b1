// What a planned rank hands to collectives in a step.
#include <tuple>
#include <utility>

#include "train/plan.h"
#include "train/plan_parts.h"
#include "train/unit_gather.h"

namespace dfm::train {
namespace {

// Of all layers of a stage.
std::int64_t layers_of(const nn::DepthCut& depth, std::int64_t layers) {
  std::int64_t count = 0;
  for (int number = 0; number < depth.chunks; ++number) count += depth.chunk(layers, number).layers.count;
  return count;
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
  const auto uses = model::training_uses(parts.recompute, parts.blocks(), passes);
  for (const std::size_t block : gathers_in_two_buffers(uses)) elements += shard.units[block + 1];
  return elements;
}

}  // namespace

PlannedWork::Traffic PlannedWork::traffic(const PlannedParts& parts) const {
  const PlannedLayout& layout = parts.layout;
  Traffic traffic;
  add_shard_traffic(parts, parts.dense, "", traffic);
  if (layout.grid.expert > 1) add_shard_traffic(parts, parts.experts, " of experts", traffic);
  const auto layer_passes = static_cast<double>(layers_of(parts.depth, model_.layers) * passes(layout));
  const double rows = static_cast<double>(tokens_) / layout.grid.context * layer_passes;
  add_row_traffic(layout, rows, traffic);
  if (model_.experts.count > 0) add_expert_traffic(layout, rows, traffic);
  if (layout.grid.pipeline > 1) add_pipeline_traffic(parts, traffic);
  return traffic;
}

// Of what all data x context ranks have, or of experts, which those have that hold the same.
void PlannedWork::add_shard_traffic(const PlannedParts& parts, const PlannedShard& shard,
                                    const std::string& of, Traffic& traffic) const {
  const PlannedLayout& layout = parts.layout;
  const auto size = static_cast<double>(element_bytes_), of_pass = static_cast<double>(passes(layout));
  const double outside = shard.units[0];
  if (layout.ranks > 1 || layout.divides_blocks()) {
    traffic.push_back({"shard", "reduce-scatter of gradients" + of,
                       4 * (outside + of_pass * shard.of_blocks()), leaves_node(shard.span)});
  }
  traffic.push_back({"shard", "all-gather of weights" + of,
                     size * (outside + gathered_elements(parts, shard, passes(layout))),
                     leaves_node(shard.span)});
  if (shard.copies > 1) {
    traffic.push_back(
        {"copies", "all-reduce of the share of gradients" + of, 4 * shard.owned, leaves_node(layout.ranks)});
  }
}

// Of rows between tensor ranks, and between context ranks of what attention makes of them.
void PlannedWork::add_row_traffic(const PlannedLayout& layout, double rows, Traffic& traffic) const {
  const auto& [tensor, context] = std::pair(layout.grid.tensor, layout.grid.context);
  const double bytes = rows * row_bytes();
  if (tensor > 1) {
    traffic.push_back({"tp", "rows gathered and scattered, three pairs a block, forward and back", 12 * bytes,
                       leaves_node(tensor), true});
  }
  if (context > 1) {
    traffic.push_back({"cp", "keys and values, and back their gradients", 6 * bytes * (context - 1) / tensor,
                       leaves_node(context * tensor), true});
  }
}

// A row goes to every expert that takes it and comes back, forward and back; scores go to who chooses.
void PlannedWork::add_expert_traffic(const PlannedLayout& layout, double rows, Traffic& traffic) const {
  const auto& [tensor, context, expert] =
      std::tuple(layout.grid.tensor, layout.grid.context, layout.grid.expert);
  const double scores = 4 * rows * static_cast<double>(model_.experts.count);
  if (tensor > 1) {
    traffic.push_back(
        {"tp", "scores gathered, and their gradients summed", 2 * scores, leaves_node(tensor), true});
  }
  if (context > 1) {
    traffic.push_back({"cp", "scores gathered", context * scores, leaves_node(context * tensor), true});
  }
  if (expert == 1) return;
  const double away = model_.experts.of_token * (expert - 1) / expert;
  traffic.push_back({"ep", "rows to the experts that take them and back, forward and back",
                     4 * rows * away * row_bytes(), leaves_node(expert * context * tensor), true});
}

void PlannedWork::add_pipeline_traffic(const PlannedParts& parts, Traffic& traffic) const {
  const PlannedLayout& layout = parts.layout;
  const double messages = messages_of(parts.depth, model_.layers) * static_cast<double>(passes(layout));
  const bool is_even = tokens_ % (layout.grid.context * layout.grid.tensor) == 0;
  traffic.push_back({"pp", "activations to the next stage, gradients to the one before",
                     messages * tokens_of_rank(layout) * row_bytes(), leaves_node(layout.ranks), !is_even});
  traffic.push_back({"pp", "all-reduce of the gradients of what all stages have", 4 * parts.owned_replicas,
                     leaves_node(layout.ranks)});
}

}  // namespace dfm::train
