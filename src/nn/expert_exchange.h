// Rows on their way to the ranks that hold the experts which took them, and what these make of them on its
// way back (Lepikhin et al., "GShard"). Ranks have as many rows and experts as they have: nothing is padded.
//
//   const ExpertExchange exchange(counts, group);           // rows of each of all experts on this rank
//   outputs = experts(exchange.to_experts(rows), exchange.counts());
//   mine = exchange.from_experts(outputs);                  // in the order of `rows`
#pragma once

#include "nn/collectives.h"

namespace dfm::nn {

class ExpertExchange {
 public:
  // Collective: every rank learns how many rows come from where. Experts are cut evenly over the ranks.
  ExpertExchange(const RowCounts& counts, const comm::Group& group);

  // Rows that come to each expert of this rank.
  const RowCounts& counts() const { return counts_; }

  // Collective. Rows of each of all experts, one expert behind the other -> for each expert of this rank
  // those of all ranks. The same on the way back.
  at::Tensor to_experts(const at::Tensor& rows) const;
  at::Tensor from_experts(const at::Tensor& outputs) const;

 private:
  std::size_t experts() const { return counts_.size(); }
  std::size_t ranks() const { return in_.size(); }

  const comm::Group& group_;
  RowCounts out_, in_;   // rows to and from each rank
  RowCounts by_rank_;    // rows from each rank for each expert, the experts of a rank side by side
  RowCounts by_expert_;  // the same, the ranks of an expert side by side
  RowCounts counts_;
};

}  // namespace dfm::nn
