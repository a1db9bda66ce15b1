// The memory of a planned rank.
#include <algorithm>

#include "train/plan.h"
#include "train/plan_parts.h"

namespace dfm::train {

double PlannedMemory::peak() const {
  return weights + gradients + optimizer +
         std::max(activations, fresh_gradients + std::max(buffers, last_activations));
}

PlannedMemory PlannedWork::memory(const PlannedParts& parts) const {
  const bool has_blocks_coming = parts.layout.divides_blocks();
  const double owned = parts.dense.owned + parts.experts.owned;
  const int masters = element_bytes_ == 2 || has_blocks_coming ? 1 : 0, averages = has_average_ ? 1 : 0;
  PlannedMemory memory;
  memory.optimizer = 4 * owned * (2 + masters + averages);
  if (parts.layout.ranks > 1 || has_blocks_coming) {
    memory.gradients = 4 * owned;
    memory.buffers = 4 * parts.largest_bucket;
  }
  if (has_blocks_coming) {
    add_coming_blocks(parts, memory);
  } else {
    add_whole_network(parts, memory);
  }
  add_activations(parts, memory);
  return memory;
}

// The sums of earlier passes stay while a pass is made. In float32 they are the gradients themselves.
void PlannedWork::add_whole_network(const PlannedParts& parts, PlannedMemory& memory) const {
  const double all = parts.all(), size = static_cast<double>(element_bytes_);
  const bool has_sums = passes(parts.layout) * parts.depth.chunks > 1;
  memory.weights = size * all;
  if (has_sums) memory.gradients += 4 * all;
  memory.fresh_gradients = has_sums && element_bytes_ == 4 ? 0 : size * all;
}

void PlannedWork::add_coming_blocks(const PlannedParts& parts, PlannedMemory& memory) const {
  const auto size = static_cast<double>(element_bytes_), blocks = static_cast<double>(parts.blocks());
  const double at_once =
      parts.layout.sharding == comm::Sharding::parameters ? std::min<double>(2, blocks) : blocks;
  memory.weights = size * (parts.of_unit(0) + at_once * parts.largest_block());
  // One block's and those outside, beside the activations; one sum is on its way.
  memory.fresh_gradients = size * (parts.of_unit(0) + parts.largest_block());
  memory.activations = memory.fresh_gradients + memory.buffers;
}

// At the worst moment of a stage, and where a backward pass ends.
void PlannedWork::add_activations(const PlannedParts& parts, PlannedMemory& memory) const {
  std::vector<KeptByChunk> chunks;
  for (int number = 0; number < parts.depth.chunks; ++number)
    chunks.push_back(kept_by(parts.depth.chunk(model_.layers, number), parts));
  const auto order = pipeline_schedule(parts.layout.pipeline(passes(parts.layout)),
                                       static_cast<std::size_t>(parts.depth.stage));
  // Stages collect what a chunk's backward pass leaves when the next one begins.
  const bool leaves_gradients = parts.layout.grid.pipeline > 1 && !parts.layout.divides_blocks();
  const double left = leaves_gradients ? memory.fresh_gradients / parts.depth.chunks : 0;
  const double transient =
      probed_.transient.of(1, tokens_of_rank(parts.layout), static_cast<double>(most_in_pack(parts.layout)));
  memory.activations += most_kept(order, chunks, left) + transient;
  memory.last_activations = chunks.front().last + transient;
}

// With all packs in flight. left: by a backward pass, beside the forward passes that follow.
double PlannedWork::most_kept(const std::vector<PipelineWork>& order, const std::vector<KeptByChunk>& chunks,
                              double left) {
  double now = 0, most = 0, beside = 0;
  for (const PipelineWork& work : order) {
    const KeptByChunk& kept = chunks.at(work.chunk);
    if (!work.is_backward) now += kept.until;
    most = std::max(most, now - kept.until + kept.within + (work.is_backward ? 0 : beside));
    if (work.is_backward) now -= kept.until;
    if (work.is_backward) beside = left;
  }
  return most;
}

// Three times a block the rows of the tensor ranks are gathered, and kept for the gradient of a weight.
// Experts keep those that they take instead, and for the gradient of a score what they make of them, where
// this is not scattered before.
double PlannedWork::kept_by_blocks(double blocks, const PlannedLayout& layout) const {
  const double share = tokens_of_rank(layout),
               rows = static_cast<double>(tokens_of_pack(layout)) / layout.grid.context;
  const double of_output = layout.grid.expert == 1 ? 4 * static_cast<double>(hidden_) : 0;
  const double of_mlp = model_.experts.count == 0
                            ? row_bytes()
                            : model_.experts.choice.capacity_factor * (row_bytes() + of_output);
  const double gathered = layout.grid.tensor == 1 ? 0 : (rows - share) * (2 * row_bytes() + of_mlp);
  return probed_.kept.of(blocks, share, static_cast<double>(most_in_pack(layout))) + blocks * gathered;
}

PlannedWork::KeptByChunk PlannedWork::kept_by(const nn::LayerChunk& chunk, const PlannedParts& parts) const {
  const double message = tokens_of_rank(parts.layout) * row_bytes();
  const auto kept = [&](double blocks) { return kept_by_blocks(blocks, parts.layout); };
  // What came from the chunk before, what went to the chunk after, and the inputs of recomputed groups.
  double messages = (chunk.is_first ? 0 : message) + (chunk.is_last ? 0 : message);
  std::int64_t again = 0, longest = 0;
  for (const std::int64_t group : parts.recompute.groups) {
    const std::int64_t size = std::min(group, chunk.layers.count - again);
    messages += size > 0 ? message : 0;
    again += size;
    longest = std::max(longest, size);
  }
  const double ends = chunk.is_first || chunk.is_last ? kept(0) : 0, block = kept(1) - kept(0);
  const double rest = ends + static_cast<double>(chunk.layers.count - again) * block;
  const double one_group = static_cast<double>(longest) * block;
  return {messages + rest, messages + std::max(rest, ends + one_group), ends + std::max(block, one_group)};
}

}  // namespace dfm::train
