#include "emulated_gpu/tensors.h"

#include <ATen/EmptyTensor.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/unfold_native.h>
#include <ATen/ops/view_as_complex_native.h>
#include <ATen/ops/view_as_real_native.h>
#include <ATen/ops/view_native.h>
#include <torch/library.h>

#include "emulated_gpu/memory.h"

namespace dfm::emulated {
namespace {

constexpr c10::DispatchKeySet kKeys(c10::DispatchKey::CUDA);

at::Tensor empty_memory_format(at::IntArrayRef sizes, std::optional<at::ScalarType> type,
                               std::optional<at::Layout> /*layout*/, std::optional<at::Device> /*device*/,
                               std::optional<bool> /*pinned*/, std::optional<at::MemoryFormat> format) {
  return at::Tensor(
      at::detail::empty_generic(sizes, &device_allocator(), kKeys, c10::dtype_or_default(type), format));
}

at::Tensor empty_with_strides(at::IntArrayRef sizes, at::IntArrayRef strides,
                              std::optional<at::ScalarType> type, std::optional<at::Layout> /*layout*/,
                              std::optional<at::Device> /*device*/, std::optional<bool> /*pinned*/) {
  return empty_strided(sizes, strides, c10::dtype_or_default(type));
}

TORCH_LIBRARY_IMPL(aten, CUDA, library) {
  library.impl("empty.memory_format", empty_memory_format);
  library.impl("empty_strided", empty_with_strides);
  library.impl("as_strided", at::native::as_strided_tensorimpl);
  library.impl("view", at::native::view);
  library.impl("view.dtype", at::native::view_dtype);
  library.impl("_reshape_alias", at::native::_reshape_alias);
  library.impl("unfold", at::native::unfold);
  library.impl("view_as_real", at::native::view_as_real);
  library.impl("view_as_complex", at::native::view_as_complex);
}

}  // namespace

at::Tensor empty(at::IntArrayRef sizes, at::ScalarType type) {
  return empty_memory_format(sizes, type, {}, {}, {}, {});
}

at::Tensor empty_strided(at::IntArrayRef sizes, at::IntArrayRef strides, at::ScalarType type) {
  return at::Tensor(at::detail::empty_strided_generic(sizes, strides, &device_allocator(), kKeys, type));
}

at::Tensor host_view(const at::Tensor& tensor) {
  if (tensor.numel() == 0) return at::empty(tensor.sizes(), tensor.options().device(at::kCPU));
  return at::from_blob(host_view(tensor.const_data_ptr()), tensor.sizes(), tensor.strides(),
                       at::TensorOptions().dtype(tensor.scalar_type()));
}

at::Tensor on_device(const at::Tensor& host) {
  at::Tensor tensor = empty_strided(host.sizes(), host.strides(), host.scalar_type());
  if (host.numel() > 0) host_view(tensor).copy_(host);
  return tensor;
}

}  // namespace dfm::emulated
