// What kernels share: element access in float32 whatever the stored type, and whose token it is.
#pragma once

#include <cuda_bf16.h>

#include "cuda/kernels.h"

namespace dfm::cuda {

__device__ inline float to_float(float value) { return value; }
__device__ inline float to_float(__nv_bfloat16 value) { return __bfloat162float(value); }

template <class Element>
__device__ Element from_float(float value);
template <>
__device__ inline float from_float<float>(float value) {
  return value;
}
template <>
__device__ inline __nv_bfloat16 from_float<__nv_bfloat16>(float value) {
  return __float2bfloat16_rn(value);
}

// By bisection: packs have few samples, and all threads of a block ask for the same token.
__device__ inline std::int64_t sample_of(std::int64_t token, Samples samples) {
  std::int64_t low = 0, high = samples.count;
  while (high - low > 1) {
    const std::int64_t middle = (low + high) / 2;
    (samples.begins[middle] <= token ? low : high) = middle;
  }
  return low;
}

// What a block of threads of a Hopper GPU may have, less what kernels declare themselves.
inline constexpr std::size_t kMostSharedBytes = 226 * 1024;

// More than 48 KiB must be asked for.
template <class Kernel>
void allow_shared_memory(Kernel kernel, std::size_t bytes) {
  constexpr std::size_t kGranted = 48 * 1024;
  if (bytes > kGranted)
    cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes));
}

}  // namespace dfm::cuda
