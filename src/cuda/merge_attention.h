// Attention to some keys, added to the attention to others (nn/ring_blocks.h).
#pragma once

#include <cstdint>

#include <cuda_runtime_api.h>

namespace dfm::cuda {

// A log-sum-exp of each row and head: element (row, head) at data + row * row_stride + head * head_stride.
template <class Float>
struct LogSumExps {
  Float* data;
  std::int64_t row_stride, head_stride;
};

struct AttentionRows {
  std::int64_t rows;
  int heads, width;
};

// out = out exp(lse - both) + part exp(part_lse - both) and lse = both = log(exp(lse) + exp(part_lse)); out
// and part [rows, heads, width].
template <class Element>
void merge_attention(float* out, LogSumExps<float> lse, const Element* part, LogSumExps<const float> part_lse,
                     const AttentionRows& shape, cudaStream_t stream);

}  // namespace dfm::cuda
