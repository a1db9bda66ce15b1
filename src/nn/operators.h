// Operators of this project that have a kernel for each kind of device: LibTorch's dispatcher takes the one
// of the device that the tensors are on. The file of an operator defines it with its kernel for the CPU; the
// one for GPUs is in src/cuda and joins when that library is loaded.
//
//   TORCH_LIBRARY_FRAGMENT(dfm, library) { library.def("gated_add(Tensor x, Tensor gate, ...) -> Tensor"); }
//   TORCH_LIBRARY_IMPL(dfm, CPU, library) { library.impl("gated_add", gated_add_on_cpu); }
//
//   static const Operator<at::Tensor(const at::Tensor&, const at::Tensor&)> op("dfm::gated_add");
//   return op(x, gate);
//
// Calls are below autograd: whoever calls gives the gradient, too.
#pragma once

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>

#include "nn/torch_header.h"

namespace dfm::nn {

template <class Signature>
class Operator;

template <class Result, class... Arguments>
class Operator<Result(Arguments...)> {
 public:
  explicit Operator(const char* name)
      : handle_(c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Result(Arguments...)>()) {}

  Result operator()(Arguments... arguments) const {
    const at::AutoDispatchBelowAutograd below;
    return handle_.call(std::forward<Arguments>(arguments)...);
  }

 private:
  c10::TypedOperatorHandle<Result(Arguments...)> handle_;
};

}  // namespace dfm::nn
