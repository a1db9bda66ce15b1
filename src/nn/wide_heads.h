// From one projection to attention heads whose norm is over all of them together, as WAN's: split, RMSNorm
// and rotary positions in one pass over the activations. On GPUs; elsewhere networks compose it of plain
// operators (nn/parallel_norm.h, nn/rotary.h).
#pragma once

#include <vector>

#include "nn/torch_header.h"

namespace dfm::nn {

struct WideHeads {
  std::int64_t heads;
  double epsilon;
};

// projected [S, H * P * d], the P parts of a head side by side, d even. weights: one entry a part, [H * d]
// for a part that is normalised, undefined for one that is not. turns [S, d/2] for the parts with a norm, or
// undefined. Returns P tensors [H, S, d], token by token in memory. Differentiable in projected and weights.
std::vector<at::Tensor> split_wide_heads(const at::Tensor& projected, const std::vector<at::Tensor>& weights,
                                         const at::Tensor& turns, const WideHeads& heads);

}  // namespace dfm::nn
