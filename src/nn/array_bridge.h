// Between dfm::Array, which the layers below speak, and tensors.
#pragma once

#include "core/array.h"
#include "nn/torch_header.h"

namespace dfm::nn {

at::ScalarType scalar_type(DType dtype);
DType dtype_of(at::ScalarType type);

// Copies.
at::Tensor to_tensor(const Array& array);
Array to_array(const at::Tensor& tensor);

}  // namespace dfm::nn
