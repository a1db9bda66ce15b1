// From one projection to attention heads: splits the grouped layout of linear_qkv (per head: q rows, k rows,
// v rows, spec/dfm.md section 1.2) and applies the per-head RMSNorm of q and k in the same pass.
#pragma once

#include <vector>

#include "nn/torch_header.h"

namespace dfm::nn {

// projected [S, H * P * d], the P parts of a head side by side. weights: one entry a part, [d] for a part
// that is normalised (RMSNorm over d in float32), undefined for one that is not. Returns P tensors [H, S, d].
// Their order in memory is what suits the device: head by head on the CPU, token by token ([S, H, d], of
// which they are transposed views) on GPUs, where attention takes any strides. Differentiable in projected
// and weights.
std::vector<at::Tensor> split_heads(const at::Tensor& projected, std::int64_t heads,
                                    const std::vector<at::Tensor>& weights, double epsilon);

}  // namespace dfm::nn
