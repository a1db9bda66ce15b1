// The MLP of EC-DiT (spec/nemo_diffusion.md section 1.7; Sun et al., "EC-DIT: scaling diffusion transformers
// with adaptive expert-choice routing"): many small ones, of which each takes the tokens that it scores
// highest (nn/expert_choice.h). What they give is added up, weighted by the scores.
//
// Tensor ranks divide each expert, as any MLP: rows are gathered once, and what the experts make of those
// they take is added up before the sum over the ranks. Expert ranks hold some of the experts each, to which
// the rows travel, and back.
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
  // [S, E] float32.
  at::Tensor scores_of(const at::Tensor& x) const;
  // Of this rank's rows those of its context share.
  at::Tensor of_share(const at::Tensor& x, const nn::PackLayout& layout) const;
  // rows: the tokens of each expert, one expert behind the other, and so what they make of them; of tensor
  // ranks, what each adds to the sum.
  at::Tensor expert_outputs(const at::Tensor& rows, const std::vector<std::int64_t>& counts) const;
  // The same of the experts of this rank.
  at::Tensor own_outputs(const at::Tensor& rows, const std::vector<std::int64_t>& counts) const;

  nn::ModelParallel parallel_;
  ExpertShape shape_;
  nn::Linear router_;
  std::vector<SwiGlu> experts_;  // those of this rank
};

}  // namespace dfm::model
