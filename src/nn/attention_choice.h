// Which kernel computes an attention on a device, and its passes by that kernel.
//
// By default the choice follows from the shape alone, in an order that measurements on Hopper gave: cuDNN
// where it can (on an H100, heads of 128 and 8,192 tokens: 677 TFLOP/s forward, 541 backward), else
// FlashAttention (347, 309), else plain products. A choice by measurement may fall differently in two starts
// of a run, and kernels round differently: a run that goes on after a stop would no longer have the bits of
// one that never stopped. It is therefore made on demand only (device.attention=measure); only packs of a few
// hundred tokens gain by it.
//
// With `deterministic`, equal inputs give equal bits, which the fast backward passes do not promise: they add
// up the gradient of q in the order in which parts of it are ready. cuDNN stores the gradients of all scores
// instead, of as many heads as fit into 4 GiB: 1.2 times the time at 8,192 tokens, 1.5 at 37,440. From 46,000
// tokens on, FlashAttention sums in a fixed order: 3 times the time that cuDNN would take.
#pragma once

#include "nn/attention_kernel.h"

namespace dfm::nn {

enum class AttentionChoice { automatic, measure, cudnn, flash, plain };

struct AttentionSettings {
  AttentionChoice choice = AttentionChoice::automatic;
  bool deterministic = false;
};

// "auto", "measure", "cudnn", "flash" or "plain", which fall back where the kernel cannot.
AttentionChoice parse_attention_choice(const std::string& text);

// Of this process; set once, before the first step.
void set_attention(const AttentionSettings& settings);

// Whether these rows' attention is that of attend(): on devices. CPUs have a kernel of their own, but compute
// with the plain one where it is chosen by name.
bool attends_by_kernels(const at::Tensor& rows);

// Rows as in AttentionInputs. By the kernel given where there is one, which must be able to; else by the one
// that the settings choose. Contiguous gradients are not promised.
Attended attend(const AttentionInputs& in, const AttentionKernel* kernel = nullptr);
AttentionGradients attention_gradients(const AttentionInputs& in, const Attended& attended,
                                       const at::Tensor& dout, const AttentionKernel* kernel = nullptr);

}  // namespace dfm::nn
