// A norm whose features the tensor ranks divide.
#pragma once

#include "nn/model_parallel.h"
#include "nn/torch_header.h"

namespace dfm::nn {

struct NormOver {
  std::int64_t features;  // of all ranks together
  double epsilon;
};

// RMSNorm of rows [S, features of this rank] over the features of all tensor ranks; weight: of this rank's.
// Differentiable in rows and weight. Collective.
at::Tensor rms_norm_over_tensor_ranks(const at::Tensor& rows, const at::Tensor& weight, const NormOver& over,
                                      const ModelParallel& parallel);

}  // namespace dfm::nn
