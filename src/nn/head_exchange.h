// Attention of samples that are cut among ranks, by an exchange of heads: every rank gets all tokens of a
// part of the heads, attends as if there were no other ranks, and sends the result back to whose tokens they
// are.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "comm/group.h"
#include "nn/torch_header.h"

namespace dfm::nn {

// What attends: q [h, S, d] and k, v [g, S, d] of all ranks' tokens, sample by sample, a sample's in the
// order of the ranks. Returns [S, h * d].
using Attend = std::function<at::Tensor(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v)>;

// q [H, S, d], k and v [G, S, d]: this rank's tokens. counts[r][i]: tokens of sample i on rank r; 0 is
// allowed. The G groups of H / G query heads are cut among the ranks, at least one each. Returns [S, H * d].
// Differentiable. Collective.
at::Tensor attention_by_heads(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                              const std::vector<std::vector<std::int64_t>>& counts, const comm::Group& group,
                              const Attend& attend);

}  // namespace dfm::nn
