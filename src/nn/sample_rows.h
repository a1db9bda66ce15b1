// What the CPU kernels of nn/modulation.h share: rows that belong to samples, work by blocks of tokens of one
// sample, and sums over a sample's tokens that do not depend on the number of threads.
#pragma once

#include <algorithm>
#include <functional>

#include "nn/pack.h"
#include "nn/torch_header.h"

namespace dfm::nn {

// A per-sample operand: row i at data + i * stride.
template <class T>
struct Rows {
  const T* data;
  std::int64_t stride;
  const T* row(std::int64_t i) const { return data + i * stride; }
};

template <class T>
Rows<T> rows_of(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<T>(), tensor.stride(0)};
}

inline at::Tensor with_dense_rows(const at::Tensor& tensor) {
  return tensor.stride(1) == 1 ? tensor : tensor.contiguous();
}

// begins [n + 1] int64 on the CPU.
inline std::vector<TokenBlock> blocks_of(const at::Tensor& begins) {
  const auto* const values = begins.const_data_ptr<std::int64_t>();
  return token_blocks({values, values + begins.numel()});
}

// Runs body(block index, block) over all blocks, in parallel.
template <class Body>
void for_each_block(const std::vector<TokenBlock>& blocks, const Body& body) {
  at::parallel_for(0, static_cast<std::int64_t>(blocks.size()), 1,
                   [&](std::int64_t first, std::int64_t last) {
                     for (std::int64_t i = first; i < last; ++i) body(i, blocks[static_cast<std::size_t>(i)]);
                   });
}

// Sums the partial rows [blocks, width] of each sample, in block order -> [n, width].
inline at::Tensor sum_by_sample(const at::Tensor& partial, const std::vector<TokenBlock>& blocks,
                                std::int64_t samples) {
  const std::int64_t width = partial.size(1);
  at::Tensor sums = at::zeros({samples, width}, at::kFloat);
  const float* from = partial.const_data_ptr<float>();
  for (const TokenBlock& block : blocks) {
    float* const to = sums.mutable_data_ptr<float>() + block.sample * width;
    std::transform(from, from + width, to, to, std::plus<>());
    from += width;
  }
  return sums;
}

}  // namespace dfm::nn
