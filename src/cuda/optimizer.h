// Kernels over all parameters at once (train/optimizer_kernels.h): many segments a launch.
#pragma once

#include <cstdint>

#include <cuda_runtime_api.h>

namespace dfm::cuda {

// Elements that are updated alike. average and published may be null.
struct AdamSegment {
  float* weights;
  const void* gradient;
  float* first_moment;
  float* second_moment;
  float* average;
  void* published;
  std::int64_t count;
  float decay;
  bool gradient_is_bfloat16, published_is_bfloat16;
};

struct AdamCoefficients {
  float beta1, beta2, epsilon, rate, root_correction, average_rate;
};

// Moves 28 bytes an element with float32 gradients, 26 with bfloat16 ones; 8 more for an average, 2 or 4 for
// what is published.
void adam(const AdamSegment* segments, std::int64_t count, const AdamCoefficients& coefficients,
          const float* gradient_scale, cudaStream_t stream);

struct Values {
  const void* data;
  std::int64_t count;
  bool is_bfloat16;
};

// How many partial sums sum_of_squares leaves.
std::int64_t parts_of(const Values* values, std::int64_t count);

// sum = of the squares of all elements. partial: as many as parts_of says. Reads every element once; the
// order of the additions depends on the counts alone.
void sum_of_squares(const Values* values, std::int64_t count, double* partial, double* sum,
                    cudaStream_t stream);

}  // namespace dfm::cuda
