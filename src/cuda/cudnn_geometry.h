// From tensors and lengths to the geometry of cuDNN's attention and the integers of ragged samples.
#pragma once

#include <vector>

#include "cuda/cudnn_graph.h"
#include "cuda/cudnn_plans.h"
#include "nn/torch_header.h"

namespace dfm::cuda {

// Rows [tokens, heads, width] of some or all heads, which stand in `out` and in the gradients among all.
struct AttentionCall {
  at::Tensor q, k, v;
  at::IntArrayRef query_counts, key_counts;
  double scale;
  std::int64_t all_heads, all_key_heads;
  bool deterministic = false;

  // The same with `count` heads of keys from `begin` on, and the queries that share them.
  AttentionCall heads(std::int64_t begin, std::int64_t count) const;
};

// Samples alike.
bool are_equal(at::IntArrayRef query_counts, at::IntArrayRef key_counts);

// Equal samples whose lengths a plan of their own is worth. Texts have any length: they are ragged.
bool is_dense(at::IntArrayRef query_counts, at::IntArrayRef key_counts);

AttentionGeometry geometry_of(const AttentionCall& call, AttentionDirection direction);

// Counts and offsets of ragged samples, added to the pointers. Returns what must live until they are used.
at::Tensor add_offsets(const AttentionCall& call, const AttentionGeometry& geometry,
                       AttentionPointers& pointers);

}  // namespace dfm::cuda
