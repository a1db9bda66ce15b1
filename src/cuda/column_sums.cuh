// Sums over tokens of each column of a row, in the shared memory of a block of threads. Every thread has its
// own columns, N neighbours at a time, and meets those alone: no barrier is needed.
#pragma once

#include "cuda/vector_access.cuh"

namespace dfm::cuda {

// N neighbours lie 4 by 4 in planes, so that threads beside each other meet no bank of memory twice.
template <int Threads, int N>
class ColumnSums {
 public:
  __device__ ColumnSums(float* memory, int width) : memory_(memory), width_(width) {}

  __device__ void clear() {
    const float zeros[kPart] = {};
    for (int i = threadIdx.x * N; i < width_; i += Threads * N) {
#pragma unroll
      for (int part = 0; part < kParts; ++part) store(zeros, at(i, part));
    }
  }
  __device__ void add(int column, const float (&values)[N]) {
#pragma unroll
    for (int part = 0; part < kParts; ++part) {
      float sums[kPart];
      load(at(column, part), sums);
#pragma unroll
      for (int k = 0; k < kPart; ++k) sums[k] += values[part * kPart + k];
      store(sums, at(column, part));
    }
  }
  __device__ void write_to(float* row) const {
    for (int i = threadIdx.x * N; i < width_; i += Threads * N) {
#pragma unroll
      for (int part = 0; part < kParts; ++part) {
        float sums[kPart];
        load(at(i, part), sums);
        store(sums, row + i + part * kPart);
      }
    }
  }

 private:
  static constexpr int kPart = N < 4 ? N : 4, kParts = N / kPart;
  __device__ float* at(int column, int part) const {
    return memory_ + (part * (width_ / N) + column / N) * kPart;
  }

  float* memory_;
  int width_;
};

}  // namespace dfm::cuda
