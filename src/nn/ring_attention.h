// Attention over a pack whose samples are cut among the ranks of a group: blocks of keys and values go around
// the ring once a pass, beside the computation, and results are merged by their log-sum-exp. The backward
// pass is exact: it sends the blocks around again, with the gradients that they gather on the way.
#pragma once

#include "comm/group.h"
#include "nn/pack.h"

namespace dfm::nn {

// q [H, S, d]; k, v [G, S, d], which H / G consecutive query heads share: this rank's tokens. counts[r][i]:
// tokens of sample i on rank r; 0 is allowed. Returns [S, H * d]. float32 or bfloat16; gradients of keys and
// values travel in float32. Collective.
at::Tensor ring_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                          const std::vector<std::vector<std::int64_t>>& counts, const comm::Group& group);

// Of these the ones that leave their rank: of samples that are on other ranks, too.
std::vector<std::vector<std::int64_t>> counts_going_round(std::vector<std::vector<std::int64_t>> counts);

}  // namespace dfm::nn
