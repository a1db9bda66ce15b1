// The kernels that attention has on devices, behind one face. All take and give rows [tokens, heads, width],
// and a log-sum-exp in natural logarithms, so that one may go on where another has begun: parts of a row's
// keys are merged by it, and the backward pass need not take the kernel of the forward pass.
//
//   const AttentionInputs in{q, k, v, {{8192}, {8192}}, 1 / std::sqrt(128.0)};
//   const Attended attended = attend(in);                       // nn/attention_choice.h
//   const AttentionGradients gradients = attention_gradients(in, attended, dout);
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/torch_header.h"

namespace dfm::nn {

// Of consecutive samples, each with at least one query and one key.
struct AttentionLengths {
  std::vector<std::int64_t> queries, keys;

  std::int64_t samples() const { return static_cast<std::int64_t>(queries.size()); }
  // A batch of sequences alike, which needs no offsets.
  bool equal() const;
};

// q [S, H, d]; k, v [T, G, d], which H / G consecutive query heads share. Any strides.
struct AttentionInputs {
  at::Tensor q, k, v;
  AttentionLengths lengths;
  double scale;  // of q k'
};

struct Attended {
  at::Tensor out;          // [S, H, d]
  at::Tensor log_sum_exp;  // [H, n, L] float32 of n equal samples of L queries, else [H, 1, S]
};

// Of q, k and v, as rows; contiguous or as the kernel left them.
struct AttentionGradients {
  at::Tensor q, k, v;
};

enum class AttentionPass { forward, backward };

struct AttentionKernel {
  const char* name;
  // Empty, or why it cannot do this. `deterministic`: equal inputs must give equal bits.
  std::string (*problem)(const AttentionInputs& in, AttentionPass pass, bool deterministic);
  Attended (*forward)(const AttentionInputs& in);
  AttentionGradients (*backward)(const AttentionInputs& in, const Attended& attended, const at::Tensor& dout,
                                 bool deterministic);
};

// cuDNN, by graphs of our own (src/cuda/cudnn_*): the fastest on Hopper. bfloat16, widths up to 128.
const AttentionKernel& cudnn_attention();
// FlashAttention 2 as LibTorch has it. bfloat16, widths up to 256.
const AttentionKernel& flash_attention();
// Products of matrices in float32, in chunks of queries: any type and width, on any device; slow.
const AttentionKernel& plain_attention();

// What all of them share.
std::int64_t longest(const std::vector<std::int64_t>& counts);
// [H, S] as the log_sum_exp of these lengths.
at::Tensor by_samples(const at::Tensor& log_sum_exp, const AttentionLengths& lengths);

}  // namespace dfm::nn
