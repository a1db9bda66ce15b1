// Rows of several ranks for several experts, one run for each pair, in either order: as they come from the
// ranks, or as the experts take them.
#pragma once

#include "nn/collectives.h"

namespace dfm::nn {

class ExpertRuns {
 public:
  ExpertRuns() = default;
  // Rows from each rank for each expert, the experts of a rank side by side.
  ExpertRuns(RowCounts by_rank, std::size_t ranks);

  // Rows of each rank, and of each expert.
  const RowCounts& of_ranks() const { return of_ranks_; }
  const RowCounts& of_experts() const { return of_experts_; }

  // [rows, ...] in the one order, in the other; without experts the rows as they are, none. Differentiable.
  at::Tensor for_experts(const at::Tensor& rows) const;
  at::Tensor for_ranks(const at::Tensor& rows) const;

 private:
  RowCounts by_rank_, by_expert_, of_ranks_, of_experts_;
};

// Sums over runs of so many neighbours.
RowCounts sums_of_runs(const RowCounts& counts, const RowCounts& runs);

}  // namespace dfm::nn
