// Zeros whose pages come into being when they are first touched. What a checkpoint is about to fill is not
// cleared before: that would pay for every page twice, at the moment a run is waited for.
#pragma once

#include "nn/torch_header.h"

namespace dfm::nn {

// On a device these are plain zeros.
at::Tensor untouched_zeros(std::int64_t count, at::ScalarType type, const at::Device& device = at::kCPU);

}  // namespace dfm::nn
