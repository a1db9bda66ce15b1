// What a rank of a ring computes with the block of keys and values that is there: a part of its rows'
// attention, and of their gradients (nn/ring_attention.h moves the blocks).
#pragma once

#include "nn/pack.h"

namespace dfm::nn {

// Rows of each sample: queries of this rank, keys of the block.
struct BlockCounts {
  const std::vector<std::int64_t>&queries, &keys;
};

// A row's attention to some keys: out [H, S, d] and its log-sum-exp [H, S, 1], both float32.
struct PartialAttention {
  at::Tensor out, log_sum_exp;
};

// [H, S, d] float32 in the order of memory in which this rank's kernels give results.
at::Tensor float_zeros_like(const at::Tensor& heads);

// To no key yet.
PartialAttention nothing_attended(const at::Tensor& q);

// Adds the block kv [2, G, T, d] to what q [H, S, d] has attended to so far.
void add_block(const at::Tensor& q, const at::Tensor& kv, const BlockCounts& counts,
               const PartialAttention& so_far);

// All that the gradients of a block need beside it; `whole`: the attention to all blocks, out as q.
struct RingGradient {
  at::Tensor q, dout;
  PartialAttention whole;
  at::Tensor dq;  // [H, S, d] float32, added to
};

// The gradient of kv [2, G, T, d], float32. With the whole row's log-sum-exp, a block's part of the gradient
// is its own kernel's.
at::Tensor block_gradient(const RingGradient& of, const at::Tensor& kv, const BlockCounts& counts);

}  // namespace dfm::nn
