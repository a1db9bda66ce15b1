// Rotary position embedding in three dimensions (spec/dfm.md section 3.4): a head's features are pairs (2i,
// 2i + 1), and each pair is turned by an angle that grows with the token's frame, row or column.
#pragma once

#include "nn/torch_header.h"

namespace dfm::nn {

// positions [S, 3] int64 (frame, row, column) -> [S, d/2] complex64: how far to turn each pair of a head of
// width d, on their device. Rows and columns have 2 floor(d/6) features each, frames the rest; the pairs of a
// part of width n turn by p 10000^(-2i/n). d must be even.
at::Tensor rotary_turns(const at::Tensor& positions, std::int64_t head_width);

// heads [H, S, d] turned by turns [S, d/2], on the device of both. Computed in float32. Differentiable in
// heads. In memory, the result is [H, S, d] on the CPU and [S, H, d] on GPUs (nn/head_norm.h).
at::Tensor turned(const at::Tensor& heads, const at::Tensor& turns);

}  // namespace dfm::nn
