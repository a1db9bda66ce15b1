// Rows on their way to the ranks that hold the experts which took them, and what these make of them on its
// way back (Lepikhin et al., "GShard"). Ranks have as many rows and experts as they have: nothing is padded.
//
//   const ExpertExchange exchange(counts, group);      // rows of each of all experts on this rank
//   outputs = exchange.through(rows, [&](Range experts, const at::Tensor& visitors, const RowCounts& counts)
//   {
//     return what those of this rank's experts make of their visitors;
//   });
//
// They travel in waves, some experts of every rank at a time: while one wave is computed, the next are on
// their way there and the last on its way back. So are their gradients.
//
// Where tensor ranks divide each expert, every one of them sends its own rows, so that each crosses once, and
// those that arrive are gathered there:
//
//   const TensorExperts together(exchange.counts(), tensor);
//   outputs = together.scatter_sums(experts(together.gather(rows), together.counts()));
#pragma once

#include <functional>

#include "core/even_cut.h"
#include "nn/expert_runs.h"
#include "nn/travelling_rows.h"

namespace dfm::nn {

// Some of the experts of this rank, the rows for them, one expert behind the other, and how many each has ->
// as many rows. Asked for where there are experts, with or without rows.
using ExpertWork =
    std::function<at::Tensor(const Range& experts, const at::Tensor& rows, const RowCounts& counts)>;

class ExpertExchange {
 public:
  // Collective: every rank learns how many rows come from where. Experts are cut evenly over the ranks.
  ExpertExchange(const RowCounts& counts, const comm::Group& group);

  // Collective. Rows of each of all experts, one expert behind the other -> what the experts made of them, in
  // the same order.
  at::Tensor through(const at::Tensor& rows, const ExpertWork& work) const;

 private:
  struct Wave {
    Range experts;                      // of this rank's
    std::vector<Range> experts_of_all;  // of each rank's, by their numbers among all
    RowCounts out;                      // rows to each rank
    ExpertRuns in;
  };

  // Collective in the backward pass. What the experts of a wave made of those that arrived, on its way back.
  TravellingRows returning(const Wave& wave, const TravellingRows& going, const ExpertWork& work) const;

  const comm::Group& group_;
  RowCounts counts_;
  std::vector<Wave> waves_;
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
