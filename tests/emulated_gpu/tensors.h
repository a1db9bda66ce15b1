// Tensors of the emulated GPU as tensors of the host over the same memory, and back.
#pragma once

#include "nn/torch_header.h"

namespace dfm::emulated {

at::Tensor empty(at::IntArrayRef sizes, at::ScalarType type);
at::Tensor empty_strided(at::IntArrayRef sizes, at::IntArrayRef strides, at::ScalarType type);

// `tensor` lives as long as what it looks at.
at::Tensor host_view(const at::Tensor& tensor);
// A copy on the device, with the same strides.
at::Tensor on_device(const at::Tensor& host);

}  // namespace dfm::emulated
