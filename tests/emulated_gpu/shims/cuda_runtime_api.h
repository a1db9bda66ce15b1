// What dfm's kernels use of CUDA's runtime, on the host (emulated_gpu/kernel_launch.h runs them).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#define __global__
#define __device__
#define __host__
#define __grid_constant__
#define __launch_bounds__(threads)
#define __shared__ static

using std::max;
using std::min;

using cudaStream_t = struct CUstream_st*;

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned width = 1, unsigned height = 1, unsigned depth = 1)  // NOLINT: as CUDA's
      : x(width), y(height), z(depth) {}
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};

// Of the thread that runs.
inline uint3 blockIdx, threadIdx;
inline dim3 blockDim, gridDim;

void __syncthreads();

namespace dfm::emulated {

// Every lane of a warp gives bytes and gets those of the lane with the number `lane ^ distance`.
void exchange_in_warp(void* bytes, std::size_t size, int distance);
void* dynamic_shared_memory();
void require_shared_memory(std::size_t bytes);

}  // namespace dfm::emulated

template <class Number>
Number __shfl_xor_sync(unsigned /*mask*/, Number value, int distance) {
  dfm::emulated::exchange_in_warp(&value, sizeof(value), distance);
  return value;
}

enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize };
template <class Kernel>
void cudaFuncSetAttribute(Kernel /*kernel*/, cudaFuncAttribute /*attribute*/, int bytes) {
  dfm::emulated::require_shared_memory(static_cast<std::size_t>(bytes));
}
