// What a rank hands to the collectives of those that share samples with it, for one block and one pack: the
// figures of the layers in nn/ and of a family's block, counted without running them.
//
//   const PackOnRank pack{model, grid, layout, {layout.counts_by_context_rank()}, 2};
//   const RunBytes rows = rows_between_tensor_ranks(pack);   // one gather, and one scatter of sums
//   bytes = forward_passes * rows.forward + blocks * rows.backward;
#pragma once

#include "comm/rank_grid.h"
#include "model/backbone.h"
#include "nn/pack.h"

namespace dfm::train {

// A pack as the planned rank sees it: the last of the tensor, context and expert ranks, which has most where
// these cut unevenly. Ranks of other replicas are taken to have the same pack.
struct PackOnRank {
  const model::BackboneSpec& model;
  const comm::GridShape& grid;
  nn::PackLayout layout;
  // Of each self-attention of a block; none where context ranks share nothing.
  std::vector<model::BlockShape::SequenceCounts> attentions;
  double element_bytes;
  double times = 1;  // in a step
};

// Of one run forward, and of its backward.
struct RunBytes {
  double forward = 0, backward = 0;
};

// Of one attention or of the MLP: rows gathered before it, sums scattered behind.
RunBytes rows_between_tensor_ranks(const PackOnRank& pack);
// Norms over the heads of all tensor ranks.
RunBytes norms_between_tensor_ranks(const PackOnRank& pack);
// Experts: scores to choose by; with expert ranks, the rows that the experts here take, and how many.
RunBytes scores_between_tensor_ranks(const PackOnRank& pack);
RunBytes expert_rows_between_tensor_ranks(const PackOnRank& pack);

// All self-attentions of a block: heads exchanged for tokens and back; keys and values going round; or, of
// sequences that mostly lie on one rank, those that others need.
RunBytes heads_between_context_ranks(const PackOnRank& pack);
RunBytes keys_between_context_ranks(const PackOnRank& pack);
RunBytes needed_keys_between_context_ranks(const PackOnRank& pack);
RunBytes scores_between_context_ranks(const PackOnRank& pack);

// To the experts that take them and back, and how many.
RunBytes rows_between_expert_ranks(const PackOnRank& pack);
// Whether it depends on the scores which rank of a replica has the rows that experts take.
bool experts_take_from_any_rank(const model::Experts& experts, const comm::GridShape& grid);

}  // namespace dfm::train
