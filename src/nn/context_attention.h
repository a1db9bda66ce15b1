// Attention over a pack whose samples are cut among the ranks of a context group. How the ranks communicate
// follows from two groups that it is made of:
//
//   a ring of all, each alone in its group of heads: blocks of keys and values go round   ("p2p")
//   a group of heads of all, each alone in its ring: all-to-all of heads                  ("a2a")
//   both: all-to-all within groups of near ranks, a ring among them                       ("a2a+p2p")
#pragma once

#include <cstdint>
#include <vector>

#include "comm/group.h"
#include "nn/torch_header.h"

namespace dfm::nn {

// Context rank c is rank c % heads.size() of its group of heads and rank c / heads.size() of its ring.
struct ContextGroups {
  const comm::Group& heads;
  const comm::Group& ring;
};

// q [H, S, d], k and v [G, S, d]: this rank's tokens; H / G consecutive query heads share a key and a value.
// counts[c][i]: tokens of sample i on context rank c; 0 is allowed. Returns [S, H * d]. float32 or bfloat16.
// Differentiable in q, k and v. Collective.
at::Tensor context_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                             const std::vector<std::vector<std::int64_t>>& counts,
                             const ContextGroups& groups);

// Tokens on the blocks of the ring, which are each of so many ranks that exchange heads.
std::vector<std::vector<std::int64_t>> counts_of_blocks(const std::vector<std::vector<std::int64_t>>& counts,
                                                        int ranks_of_heads);

}  // namespace dfm::nn
