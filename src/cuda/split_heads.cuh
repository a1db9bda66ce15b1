// What splitting heads and its backward pass share: a row of a head belongs to a few lanes of a warp, a power
// of two, each with up to kMostElements of its elements in registers.
#pragma once

#include "cuda/block_sum.cuh"
#include "cuda/head_norm.h"
#include "cuda/vector_access.cuh"

namespace dfm::cuda {

inline constexpr int kMostElements = kWidestHead / kWarp;

// A row in registers: N neighbouring elements at a time. Elements beyond the row are zero.
template <int N>
struct HeadRow {
  static constexpr int kAccesses = kMostElements / N;
  float values[kAccesses][N];

  // Calls f(access, first element) for what this lane has of the row.
  template <class F>
  __device__ static void for_each(int lane, int lanes, int width, const F& f) {
#pragma unroll
    for (int access = 0; access < kAccesses; ++access) {
      const int element = (lane + access * lanes) * N;
      if (element < width) f(access, element);
    }
  }

  template <class Element>
  __device__ void read(const Element* row, int lane, int lanes, int width) {
#pragma unroll
    for (int access = 0; access < kAccesses; ++access) {
#pragma unroll
      for (int k = 0; k < N; ++k) values[access][k] = 0;
    }
    for_each(lane, lanes, width, [&](int access, int element) { load(row + element, values[access]); });
  }

  template <class Element>
  __device__ void write(Element* row, int lane, int lanes, int width) const {
    for_each(lane, lanes, width, [&](int access, int element) { store(values[access], row + element); });
  }

  __device__ float sum_of_products(const HeadRow& other) const {
    float sum = 0;
#pragma unroll
    for (int access = 0; access < kAccesses; ++access) {
#pragma unroll
      for (int k = 0; k < N; ++k) sum += values[access][k] * other.values[access][k];
    }
    return sum;
  }

  // values[i] = f(values[i], others[i]...)
  template <class F, class... Rows>
  __device__ void update(const F& f, const Rows&... others) {
#pragma unroll
    for (int access = 0; access < kAccesses; ++access) {
#pragma unroll
      for (int k = 0; k < N; ++k) values[access][k] = f(values[access][k], others.values[access][k]...);
    }
  }
};

// Lanes for a row: as few as can hold it.
inline int lanes_for(int width, int vector) {
  int lanes = 1;
  while (lanes < kWarp && lanes * vector < width) lanes *= 2;
  return lanes;
}

__device__ inline float inverse_rms(float squares, int width, float epsilon) {
  return 1.0F / sqrtf(squares / width + epsilon);
}

// Elements that every access may take, for rows of the width at these places and strides.
template <class Element, class F>
void with_head_vectors(bool wide, bool paired, const F& f) {
  if (wide) {
    f(std::integral_constant<int, kVector<Element>>{});
  } else if (paired) {
    f(std::integral_constant<int, 2>{});
  } else {
    f(std::integral_constant<int, 1>{});
  }
}

}  // namespace dfm::cuda
