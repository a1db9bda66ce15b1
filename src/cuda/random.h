// Philox on GPUs (nn/random.h), with the arithmetic of core/philox_block.h.
#pragma once

#include <cstdint>

#include <cuda_runtime_api.h>

namespace dfm::cuda {

struct RandomElements {
  std::uint64_t seed, thing, first;
  std::uint32_t stream;
};

// out[i] = standard normal of element first + i. Writes every element once.
void normals(const RandomElements& elements, float* out, std::int64_t count, cudaStream_t stream);

// out[i] = the 32 bits of element first + i.
void random_words(const RandomElements& elements, std::uint32_t* out, std::int64_t count,
                  cudaStream_t stream);

}  // namespace dfm::cuda
