// Kernels of nn/head_norm.h and nn/rotary.h. Heads are [heads, tokens, width] at any strides, the elements of
// a row side by side; what is written lies token by token.
#pragma once

#include "cuda/kernels.h"

namespace dfm::cuda {

inline constexpr int kMostParts = 3;
inline constexpr int kWidestHead = 256;

struct HeadShape {
  std::int64_t tokens;
  int heads, parts, width;

  std::int64_t pairs() const { return tokens * heads; }
};

// Row of a head and a token: data + head * head_stride + token * token_stride.
template <class Element>
struct HeadRows {
  Element* data;
  std::int64_t head_stride, token_stride;
};

template <class Element>
struct HeadParts {
  HeadRows<const Element> of_part[kMostParts];
};

template <class Element>
struct HeadWeights {
  const Element* of_part[kMostParts];  // null for a part without a norm
};

template <class Element>
struct SplitParts {
  Element* part[kMostParts];  // [tokens, heads, width] each
};

// The parts of packed [tokens, heads, parts, width], RMS-normalised where they have a weight. Moves every
// element in and out once.
template <class Element>
void split_heads(const Element* packed, const HeadWeights<Element>& weights, const SplitParts<Element>& parts,
                 const HeadShape& shape, float epsilon, cudaStream_t stream);

template <class Element>
struct SplitGradient {
  HeadParts<Element> incoming;
  const Element* packed;
  HeadWeights<Element> weights;
  float* partial;  // [split_partial_rows(), parts * width]
  Element* packed_gradient;
  Element* weight_gradients;  // [parts, width], zeros without a norm
};

std::int64_t split_partial_rows(const HeadShape& shape);

// Moves every element of the gradients once, and those of the parts with a norm once more.
template <class Element>
void split_heads_backward(const SplitGradient<Element>& gradient, const HeadShape& shape, float epsilon,
                          cudaStream_t stream);

// out [tokens, heads, width] = each pair of elements turned by turns [tokens, width / 2], as cosine and sine;
// `direction` 1 or -1. Moves every element in and out once, and the turns.
template <class Element>
void turn(const HeadRows<const Element>& heads, const float2* turns, Element* out, const HeadShape& shape,
          float direction, cudaStream_t stream);

}  // namespace dfm::cuda
