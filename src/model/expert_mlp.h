// The MLP of EC-DiT (spec/nemo_diffusion.md section 1.7; Sun et al., "EC-DIT: scaling diffusion transformers
// with adaptive expert-choice routing"): many small ones, of which each takes the tokens that it scores
// highest (nn/expert_choice.h). What they give is added up, weighted by the scores.
#pragma once

#include <vector>

#include "model/moviegen.h"
#include "nn/expert_choice.h"

namespace dfm::model {

class ExpertMlp {
 public:
  ExpertMlp(const nn::Scope& scope, const MovieGenShape& shape, const RecomputePlan& plan);
  // x [S, h] -> [S, h].
  at::Tensor operator()(const at::Tensor& x, const nn::PackLayout& layout) const;

 private:
  // [S, E] float32.
  at::Tensor scores_of(const at::Tensor& x) const;
  nn::Choice choose(const at::Tensor& scores, const nn::PackLayout& layout) const;
  // rows: the tokens of each expert, one expert behind the other, and so what they make of them.
  at::Tensor expert_outputs(const at::Tensor& rows, const std::vector<std::int64_t>& counts,
                            const nn::PackLayout& layout) const;

  ExpertShape shape_;
  nn::Linear router_;
  std::vector<SwiGlu> experts_;
};

}  // namespace dfm::model
