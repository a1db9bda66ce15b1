// Kernels of nn/wide_heads.h: heads whose norm is over all of them together.
#pragma once

#include "cuda/head_norm.h"

namespace dfm::cuda {

// Of what is as large as heads * width, how much fits into the memory of a block of threads.
template <class Element>
bool wide_heads_fit(const HeadShape& shape);

// As split_heads, but the norm of a part is over all heads, its weight [heads * width], and the parts with a
// norm are turned by turns [tokens, width / 2], where these are not null. Widths are even. Moves every
// element in and out once.
template <class Element>
void split_wide_heads(const Element* packed, const HeadWeights<Element>& weights, const float2* turns,
                      const SplitParts<Element>& parts, const HeadShape& shape, float epsilon,
                      cudaStream_t stream);

template <class Element>
struct WideGradient {
  HeadParts<Element> incoming;  // strides are even
  const Element* packed;
  HeadWeights<Element> weights;
  const float2* turns;
  float* partial;  // [parts, wide_partial_rows(), heads * width]
  Element* packed_gradient;
  Element* weight_gradients;  // [parts, heads * width], undefined without a norm
};

std::int64_t wide_partial_rows(const HeadShape& shape);

// Moves every element of the gradients once, those of parts with a norm once more, and the partial sums
// twice.
template <class Element>
void split_wide_heads_backward(const WideGradient<Element>& gradient, const HeadShape& shape, float epsilon,
                               cudaStream_t stream);

}  // namespace dfm::cuda
