// Which tokens go to which expert where experts choose (Zhou et al., "Mixture-of-experts with expert choice
// routing"; Sun et al., "EC-DIT"): of a group of tokens that route together, every expert takes those that
// score highest with it, as many as its capacity. So the experts have equal work, and a token may be taken by
// several or by none.
//
//   const Choice choice = choose_tokens(scores, group_counts, 8.0);
//   rows = choice.taken(x);                            // the experts' tokens, one expert behind the other
//   y = combined(outputs, choice.weights(scores), choice, x.size(0));
//
// A pure function of scores and positions: of equal scores the earlier token's is the higher.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nn/torch_header.h"

namespace dfm::nn {

// Tokens that an expert takes of a group: floor(tokens * factor / experts), one at least.
std::int64_t expert_capacity(std::int64_t tokens, std::int64_t experts, double factor);

// The `count` highest of the scores, in ascending order of their places. NaN is below everything.
std::vector<std::int64_t> highest(std::span<const float> scores, std::int64_t count);

struct Choice {
  at::Tensor tokens;                 // [picks] int64: rows, ascending for each expert
  at::Tensor experts;                // [picks] int64: who took them, ascending
  std::vector<std::int64_t> counts;  // picks of each expert

  // For scores on this device.
  Choice on(const at::Device& device) const;
  // Of rows [S, h] those of the picks: [picks, h]. Differentiable.
  at::Tensor taken(const at::Tensor& rows) const;
  // Of scores [S, E] those of the picks: [picks, 1]. Differentiable.
  at::Tensor weights(const at::Tensor& scores) const;
  // The picks among some of `total` tokens, `rows` in ascending order, by their numbers among these.
  Choice among(const at::Tensor& rows, std::int64_t total) const;
};

// scores [S, E] float32; group_counts: tokens of each group, S together.
Choice choose_tokens(const at::Tensor& scores, const std::vector<std::int64_t>& group_counts, double factor);

// [S, h]: for each token the sum, in the order of the experts, of outputs [picks, h] times weights [picks,
// 1]. Added in float32. Differentiable in outputs and weights.
at::Tensor combined(const at::Tensor& outputs, const at::Tensor& weights, const Choice& choice,
                    std::int64_t tokens);

}  // namespace dfm::nn
