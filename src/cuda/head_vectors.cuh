// Whether the kernels of heads may take N elements in one access.
#pragma once

#include "cuda/head_norm.h"
#include "cuda/vector_access.cuh"

namespace dfm::cuda {

template <int N, class Element>
bool rows_allow(const HeadRows<const Element>& rows) {
  return is_aligned<N>(rows.data) && rows.head_stride % N == 0 && rows.token_stride % N == 0;
}

template <int N, class Element>
bool split_allows(const Element* packed, const HeadWeights<Element>& weights, const SplitParts<Element>& out,
                  const HeadShape& shape) {
  bool aligned = shape.width % N == 0 && is_aligned<N>(packed);
  for (int part = 0; part < shape.parts; ++part)
    aligned = aligned && is_aligned<N>(weights.of_part[part]) && is_aligned<N>(out.part[part]);
  return aligned;
}

// Of a SplitGradient or a WideGradient.
template <int N, class Gradient>
bool gradient_allows(const Gradient& gradient, const HeadShape& shape) {
  bool aligned =
      shape.width % N == 0 && is_aligned<N>(gradient.packed) && is_aligned<N>(gradient.packed_gradient);
  for (int part = 0; part < shape.parts; ++part) {
    aligned = aligned && is_aligned<N>(gradient.weights.of_part[part]) &&
              rows_allow<N>(gradient.incoming.of_part[part]);
  }
  return aligned;
}

}  // namespace dfm::cuda
