// The MLP of EC-DiT (spec/nemo_diffusion.md section 1.7; Sun et al., "EC-DIT: scaling diffusion transformers
// with adaptive expert-choice routing"): many small ones, of which each takes the tokens that it scores
// highest (nn/expert_choice.h). What they give is added up, weighted by the scores.
//
// Tensor ranks divide each expert, as any MLP. Without expert ranks rows are gathered once, and what the
// experts make of those they take is added up before the sum over the ranks. Expert ranks hold some of the
// experts each: every tensor rank sends its own rows there, and they are gathered where they are taken.
#pragma once

#include <vector>

#include "model/moviegen.h"
#include "nn/shared_choice.h"

namespace dfm::model {

class ExpertMlp {
 public:
  ExpertMlp(const nn::Scope& scope, const MovieGenShape& shape, const RecomputePlan& plan);
  // x [S, h] -> [S, h].
  at::Tensor operator()(const at::Tensor& x, const nn::PackLayout& layout) const;

 private:
  using Counts = std::vector<std::int64_t>;

  // [S, E] float32.
  at::Tensor scores_of(const at::Tensor& x) const;
  // With all experts on every rank, or with those of the expert ranks.
  at::Tensor with_all_experts(const at::Tensor& x, const nn::PackLayout& layout) const;
  at::Tensor through_exchange(const at::Tensor& x, const nn::PackLayout& layout) const;
  // Of this rank's rows those of its context share.
  at::Tensor of_share(const at::Tensor& x, const nn::PackLayout& layout) const;
  // rows: the tokens of each of some experts of this rank, one expert behind the other, and so what they make
  // of them. Of tensor ranks, what each adds to the sum:
  at::Tensor outputs_of(const Range& experts, const at::Tensor& rows, const Counts& counts) const;
  // or the sums, of the rows that each brings.
  at::Tensor summed_outputs(const Range& experts, const at::Tensor& rows, const Counts& counts) const;

  nn::ModelParallel parallel_;
  ExpertShape shape_;
  nn::Linear router_;
  std::vector<SwiGlu> experts_;  // those of this rank
};

}  // namespace dfm::model
