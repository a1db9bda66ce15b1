// Attention over a pack: every sample attends to its own rows only, without padding and without a mask
// tensor.
#pragma once

#include "nn/pack.h"

namespace dfm::nn {

// softmax(q k' / sqrt(d)) v for each sample and head. q [H, S, d]; k, v [G, T, d], which H / G consecutive
// query heads share; query_counts and key_counts: rows of each sample; a sample may be without queries.
// Returns [S, H * d]. float32 or bfloat16. Differentiable in q, k and v.
at::Tensor packed_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const std::vector<std::int64_t>& query_counts,
                            const std::vector<std::int64_t>& key_counts);

// The same as layers use it: this rank's heads of the tokens of its context share, which attend to all tokens
// of their sample, or to the rows of its text.
at::Tensor self_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                          const PackLayout& layout, const ModelParallel& parallel);
// Among sequences of any kind: counts[c][i], tokens of sequence i on context rank c.
at::Tensor self_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                          const std::vector<std::vector<std::int64_t>>& counts,
                          const ModelParallel& parallel);
at::Tensor cross_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           const PackLayout& layout);

}  // namespace dfm::nn
