// Rows in the form that attention's kernels for GPUs take: numbers of a row side by side, rows of a multiple
// of 16 bytes that begin at one.
#pragma once

#include "nn/attention_kernel.h"

namespace dfm::nn {

// The same with widths padded to a multiple of 8 and rows copied where they stand askew. What is not bfloat16
// is for the plain kernel, which takes anything.
AttentionInputs in_form(const AttentionInputs& in);

// [S, H, d] -> [S, H, width], with zeros.
at::Tensor padded(const at::Tensor& rows, std::int64_t width);
// The adjoint: [S, H, width] -> [S, H, d], contiguous.
at::Tensor cut(const at::Tensor& rows, std::int64_t width);

}  // namespace dfm::nn
