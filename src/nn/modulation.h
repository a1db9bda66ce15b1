// The elementwise half of an adaLN block, fused: what is a chain of four or five passes over the activations
// in eager PyTorch is one here. Shift, scale and gate belong to samples, x to tokens.
//
// Tokens x [S, h]; per-sample rows [n, h] (any row stride, e.g. a chunk of the modulation). float32 or
// bfloat16; arithmetic in float32. Differentiable in every tensor argument. Results do not depend on the
// number of threads.
#pragma once

#include "nn/pack.h"

namespace dfm::nn {

// LN(x) (1 + scale) + shift with the parameter-free LayerNorm over h (spec/dfm.md section 1.5).
at::Tensor modulated_norm(const at::Tensor& x, const at::Tensor& shift, const at::Tensor& scale,
                          double epsilon, const PackLayout& layout);

struct Modulation {
  at::Tensor shift, scale;
};

// RMSNorm(x; weight [h]) (1 + scale) + shift. On the CPU the norm and the factor are rounded one by one.
at::Tensor modulated_rms_norm(const at::Tensor& x, const at::Tensor& weight, const Modulation& modulation,
                              double epsilon, const PackLayout& layout);

// x + gate y.
at::Tensor gated_add(const at::Tensor& x, const at::Tensor& gate, const at::Tensor& y,
                     const PackLayout& layout);

}  // namespace dfm::nn
