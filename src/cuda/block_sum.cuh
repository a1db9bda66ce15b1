// Sums over the threads of a block, in an order that never changes.
#pragma once

namespace dfm::cuda {

inline constexpr int kWarp = 32;

// All lanes get the sum. Lanes: how many neighbours add up, a power of two.
template <class Number>
__device__ inline Number warp_sum(Number value, int lanes = kWarp) {
  for (int distance = lanes / 2; distance > 0; distance /= 2) {
    value += __shfl_xor_sync(0xFFFFFFFFU, value, distance);
  }
  return value;
}

__device__ inline float2 warp_sum(float2 value) { return {warp_sum(value.x), warp_sum(value.y)}; }

// All threads get the sum. Threads: of the block, a multiple of the warp.
template <int Threads, class Number>
__device__ inline Number block_sum(Number value) {
  constexpr int kWarps = Threads / kWarp;
  __shared__ Number of_warps[kWarps];
  value = warp_sum(value);
  __syncthreads();  // whoever called before has read
  if (threadIdx.x % kWarp == 0) of_warps[threadIdx.x / kWarp] = value;
  __syncthreads();
  value = threadIdx.x % kWarp < kWarps ? of_warps[threadIdx.x % kWarp] : Number{};
  return warp_sum(value);
}

}  // namespace dfm::cuda
