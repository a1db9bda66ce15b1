// Rows on their way to the ranks that hold the experts which took them, and what these make of them on its
// way back (Lepikhin et al., "GShard"). Ranks have as many rows and experts as they have: nothing is padded.
//
//   const ExpertExchange exchange(counts, group);           // rows of each of all experts on this rank
//   outputs = experts(exchange.to_experts(rows), exchange.counts());
//   mine = exchange.from_experts(outputs);                  // in the order of `rows`
//
// Where tensor ranks divide each expert, every one of them sends its own rows, so that each crosses once, and
// those that arrive are gathered there:
//
//   const TensorExperts together(exchange.counts(), tensor);
//   outputs = together.scatter_sums(experts(together.gather(rows), together.counts()));
#pragma once

#include "nn/expert_runs.h"

namespace dfm::nn {

class ExpertExchange {
 public:
  // Collective: every rank learns how many rows come from where. Experts are cut evenly over the ranks.
  ExpertExchange(const RowCounts& counts, const comm::Group& group);

  // Rows that come to each expert of this rank.
  const RowCounts& counts() const { return in_.of_experts(); }

  // Collective. Rows of each of all experts, one expert behind the other -> for each expert of this rank
  // those of all ranks. The same on the way back.
  at::Tensor to_experts(const at::Tensor& rows) const;
  at::Tensor from_experts(const at::Tensor& outputs) const;

 private:
  const comm::Group& group_;
  RowCounts out_;  // rows to each rank
  ExpertRuns in_;
};

// The rows that each of some ranks has for the same experts, of which each of the ranks has a part.
class TensorExperts {
 public:
  // Collective. counts: rows of each expert on this rank.
  TensorExperts(const RowCounts& counts, const comm::Group& group);

  // Of each expert, on all ranks together.
  const RowCounts& counts() const { return in_.of_experts(); }

  // Collective. The rows of this rank, one expert behind the other -> those of all ranks; what this rank adds
  // to all outputs -> the sums of its rows.
  at::Tensor gather(const at::Tensor& rows) const;
  at::Tensor scatter_sums(const at::Tensor& parts) const;

 private:
  const comm::Group& group_;
  ExpertRuns in_;
};

}  // namespace dfm::nn
