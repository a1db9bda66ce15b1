// Attention of sequences that are cut among ranks, where most lie on one rank: keys and values go straight to
// the ranks with queries of the same sequence, and to no other; their gradients come back the same way. What
// has come is kept for the backward pass, so that sequences on many ranks are better left to a ring
// (nn/context_attention.h).
#pragma once

#include <cstdint>
#include <vector>

#include "comm/group.h"
#include "nn/torch_header.h"

namespace dfm::nn {

// counts[r][i]: tokens of sequence i on rank r. Whether fewer rows come to each rank than it has; then no
// other way sends less.
bool few_keys_are_needed(const std::vector<std::vector<std::int64_t>>& counts);

// Of each sequence, the rows of rank `from` whose keys go to rank `to`.
std::vector<std::int64_t> rows_needed(const std::vector<std::vector<std::int64_t>>& counts, std::size_t from,
                                      std::size_t to);

// q [H, S, d]; k, v [G, S, d], which H / G consecutive query heads share: this rank's tokens. Returns
// [S, H * d]. Differentiable in q, k and v. Collective.
at::Tensor attention_by_needed_keys(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                    const std::vector<std::vector<std::int64_t>>& counts,
                                    const comm::Group& group);

}  // namespace dfm::nn
