// From tensors to what kernels take (cuda/kernels.h): pointers of the element type, rows, the current stream.
#pragma once

#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>

#include "core/error.h"
#include "cuda/kernels.h"
#include "nn/torch_header.h"

namespace dfm::cuda {

// Calls f with a value of the kernels' element type.
template <class F>
void dispatch(const at::Tensor& tensor, F&& f) {
  switch (tensor.scalar_type()) {
    case at::kFloat:
      f(float{});
      break;
    case at::kBFloat16:
      f(__nv_bfloat16{});
      break;
    default:
      throw internal_error("this kernel takes float32 and bfloat16 only");
  }
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

template <class Element>
const Element* data_of(const at::Tensor& tensor) {
  return static_cast<const Element*>(tensor.const_data_ptr());
}
template <class Element>
Element* data_to(const at::Tensor& tensor) {
  return static_cast<Element*>(tensor.mutable_data_ptr());
}

// Elements of a row must be neighbours.
template <class Element>
RowsOf<const Element> rows_of(const at::Tensor& tensor) {
  return {data_of<Element>(tensor), tensor.stride(0)};
}

inline Samples samples_of(const at::Tensor& begins) {
  return {begins.const_data_ptr<std::int64_t>(), begins.numel() - 1};
}

inline cudaStream_t stream() { return at::cuda::getCurrentCUDAStream(); }

}  // namespace dfm::cuda
