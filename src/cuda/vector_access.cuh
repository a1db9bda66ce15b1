// N neighbouring elements in one access, as float32 in registers.
#pragma once

#include <cstdint>
#include <type_traits>

#include "cuda/device_support.cuh"

namespace dfm::cuda {

// Elements of the widest access, of 16 bytes.
template <class Element>
inline constexpr int kVector = 16 / sizeof(Element);

template <class Element, int N>
struct alignas(sizeof(Element) * N < 16 ? sizeof(Element) * N : 16) Neighbours {
  Element values[N];
};

template <int N, class Element>
__device__ inline void load(const Element* from, float (&out)[N]) {
  const auto all = *reinterpret_cast<const Neighbours<Element, N>*>(from);
#pragma unroll
  for (int i = 0; i < N; ++i) out[i] = to_float(all.values[i]);
}

template <int N, class Element>
__device__ inline void store(const float (&values)[N], Element* to) {
  Neighbours<Element, N> all;
#pragma unroll
  for (int i = 0; i < N; ++i) all.values[i] = from_float<Element>(values[i]);
  *reinterpret_cast<Neighbours<Element, N>*>(to) = all;
}

// Whether N elements can be accessed at once wherever a multiple of N is added. Null is aligned.
template <int N, class Element>
__host__ __device__ inline bool is_aligned(const Element* data) {
  return reinterpret_cast<std::uintptr_t>(data) % alignof(Neighbours<Element, N>) == 0;
}

// Whether rows at this stride can be accessed in vectors.
template <class... Element>
bool has_vector_rows(std::int64_t stride, const Element*... data) {
  return ((stride % kVector<Element> == 0 && is_aligned<kVector<Element>>(data)) && ...);
}

// Whether rows of samples can be read with as many elements at a time as tokens, of the type Element: a wider
// type in several accesses.
template <class Element, class Row>
bool has_vectors_of(const RowsOf<const Row>& rows) {
  return rows.stride % kVector<Element> == 0 && is_aligned<kVector<Element>>(rows.data);
}

// Calls f with the number of elements in an access: std::integral_constant<int, N>.
template <class Element, class F>
void with_vectors(bool aligned, const F& f) {
  if (aligned) {
    f(std::integral_constant<int, kVector<Element>>{});
  } else {
    f(std::integral_constant<int, 1>{});
  }
}

}  // namespace dfm::cuda
