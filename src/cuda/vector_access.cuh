// N neighbouring elements in one access, as float32 in registers.
#pragma once

#include <cstdint>

#include "cuda/device_support.cuh"

namespace dfm::cuda {

template <class Element, int N>
struct alignas(sizeof(Element) * N) Neighbours {
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

// Whether N elements can be accessed at once wherever a multiple of N is added.
template <int N, class Element>
__host__ __device__ inline bool is_aligned(const Element* data) {
  return reinterpret_cast<std::uintptr_t>(data) % (sizeof(Element) * N) == 0;
}

}  // namespace dfm::cuda
