// The ranks with which this one shares a network: what layers ask to know their part of it. A ParameterList
// holds it, layers take it from their Scope; alone, everything is whole.
//
//   ParameterList parameters(model_parallel(groups));     // the groups must outlive the network
#pragma once

#include "comm/rank_grid.h"
#include "core/even_cut.h"

namespace dfm::nn {

// How the tokens of a pack are divided: over the context ranks, and each one's share over its tensor ranks.
struct SequenceCut {
  int context_ranks = 1, context_rank = 0;
  int tensor_ranks = 1, tensor_rank = 0;
};

// Consecutive layers of a network, which one stage computes in one go.
struct LayerChunk {
  Range layers;
  bool is_first = true, is_last = true;  // of all chunks: tokens go in, the output comes out
};

// How the layers of a network are divided over the stages of a pipeline: into chunks, which go round the
// stages.
struct DepthCut {
  int stages = 1, stage = 0;
  int chunks = 1;  // of each stage

  LayerChunk chunk(std::int64_t layers, int number) const {
    const int place = number * stages + stage, all = chunks * stages;
    return {even_cut(layers, all, place), place == 0, place == all - 1};
  }
  bool has_layer(std::int64_t layers, std::int64_t layer) const {
    for (int number = 0; number < chunks; ++number) {
      const Range range = chunk(layers, number).layers;
      if (layer >= range.begin && layer < range.end()) return true;
    }
    return false;
  }
};

// How the experts of a block are divided.
struct ExpertCut {
  int ranks = 1, rank = 0;
};

// Groups are null where there is nobody to share with.
struct ModelParallel {
  const comm::Group* tensor = nullptr;   // share heads, columns of weights, and rows of tokens
  const comm::Group* context = nullptr;  // share the tokens of each sample
  // How attention brings these together (nn/context_attention.h); both are given where `context` is.
  const comm::Group *context_heads = nullptr, *context_ring = nullptr;
  const comm::Group* expert = nullptr;  // have different packs, and share the experts

  const comm::Group* pipeline = nullptr;  // share the depth of the network
  const comm::StageLinks* stage_links = nullptr;
  DepthCut depth = {};

  // Where a layout is planned that nobody runs: its sizes, for declaring parameters. Ignored with groups.
  SequenceCut planned = {};
  ExpertCut planned_experts = {};

  int tensor_ranks() const { return tensor == nullptr ? planned.tensor_ranks : tensor->size(); }
  int tensor_rank() const { return tensor == nullptr ? planned.tensor_rank : tensor->rank(); }
  int context_ranks() const { return context == nullptr ? planned.context_ranks : context->size(); }
  int context_rank() const { return context == nullptr ? planned.context_rank : context->rank(); }

  SequenceCut sequence_cut() const {
    return {context_ranks(), context_rank(), tensor_ranks(), tensor_rank()};
  }
  int expert_ranks() const { return expert == nullptr ? planned_experts.ranks : expert->size(); }
  int expert_rank() const { return expert == nullptr ? planned_experts.rank : expert->rank(); }
  // Of things that the tensor ranks divide, such as heads, those of this rank.
  Range share(std::int64_t total) const { return even_cut(total, tensor_ranks(), tensor_rank()); }
  // Of all experts those of this rank.
  Range expert_share(std::int64_t total) const { return even_cut(total, expert_ranks(), expert_rank()); }
};

inline ModelParallel model_parallel(const comm::GridGroups& groups) {
  const auto shared = [](const comm::Group& group) { return group.size() > 1 ? &group : nullptr; };
  return {.tensor = shared(groups.tensor),
          .context = shared(groups.context),
          .context_heads = &groups.context_heads,
          .context_ring = &groups.context_ring,
          .expert = shared(groups.expert),
          .pipeline = shared(groups.pipeline),
          .stage_links = groups.stage_links ? &*groups.stage_links : nullptr,
          .depth = {groups.pipeline.size(), groups.pipeline.rank(), groups.shape.pipeline_chunks}};
}

}  // namespace dfm::nn
