// Every operator of the emulated GPU that has no kernel of its own here: the one of the CPU, on the memory of
// the device as the host sees it. Tensors of the host may not be among those of the device.
#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/library.h>

#include "emulated_gpu/counts.h"
#include "emulated_gpu/memory.h"
#include "emulated_gpu/tensors.h"

namespace dfm::emulated {
namespace {

using c10::IValue;
using torch::jit::Stack;

// Those whose results have a size that the host must know, or that return values to it.
bool makes_the_host_wait(const std::string& name) {
  static const std::set<std::string> names{"aten::nonzero",    "aten::masked_select",      "aten::_unique2",
                                           "aten::unique_dim", "aten::unique_consecutive", "aten::equal",
                                           "aten::bincount",   "aten::repeat_interleave"};
  return names.contains(name);
}

// The arguments of a call as the host sees them, and what they stand for.
class HostArguments {
 public:
  explicit HostArguments(const std::string& name) : name_(name) {}

  IValue of(const IValue& value) {
    if (value.isTensor()) return of(value.toTensor());
    if (value.isDevice()) return at::Device(at::kCPU);
    if (value.isTensorList()) {
      c10::List<at::Tensor> all;
      for (const at::Tensor& tensor : value.toTensorVector()) all.push_back(of(tensor));
      return all;
    }
    if (value.isOptionalTensorList()) {
      c10::List<std::optional<at::Tensor>> all;
      for (const std::optional<at::Tensor>& tensor : value.toOptionalTensorVector())
        all.push_back(tensor ? std::optional(of_index(*tensor)) : std::nullopt);
      return all;
    }
    return value;
  }

  IValue on_device(const IValue& value) const {
    if (value.isTensor()) return on_device(value.toTensor());
    if (value.isTensorList()) {
      c10::List<at::Tensor> all;
      for (const at::Tensor& tensor : value.toTensorVector()) all.push_back(on_device(tensor));
      return all;
    }
    return value;
  }

  // Outputs that came without elements have got some.
  void keep_resized() const {
    for (const auto& [host, device] : pairs_) {
      if (host.numel() == 0 || device.numel() > 0) continue;
      const at::Tensor filled = emulated::on_device(host);
      auto* const target = device.unsafeGetTensorImpl();
      target->set_storage_keep_dtype(filled.storage());
      target->set_sizes_and_strides(filled.sizes(), filled.strides());
    }
  }

 private:
  at::Tensor of(const at::Tensor& tensor) {
    if (!tensor.defined()) return tensor;
    if (tensor.is_cuda()) return view_of(tensor);
    TORCH_CHECK(tensor.dim() == 0, name_, ": a tensor of the host, ", tensor.sizes(),
                ", among those of a GPU");
    return tensor;
  }

  // A GPU takes indices from the host, too, and waits for their copy.
  at::Tensor of_index(const at::Tensor& tensor) {
    if (!tensor.defined()) return tensor;
    if (!tensor.is_cuda() || tensor.scalar_type() == at::kBool) count_wait("indices");
    return tensor.is_cuda() ? view_of(tensor) : tensor;
  }

  at::Tensor view_of(const at::Tensor& tensor) {
    pairs_.emplace_back(host_view(tensor), tensor);
    return pairs_.back().first;
  }

  at::Tensor on_device(const at::Tensor& host) const {
    if (!host.defined()) return host;
    const auto argument =
        std::ranges::find_if(pairs_, [&](const auto& pair) { return pair.first.is_same(host); });
    if (argument != pairs_.end()) return argument->second;
    TORCH_CHECK(host.numel() == 0 || !is_host_view(host.const_data_ptr()), name_,
                " returns a view; the emulated GPU has no kernel for it");
    return emulated::on_device(host);
  }

  const std::string& name_;
  std::vector<std::pair<at::Tensor, at::Tensor>> pairs_;  // of the host, of the device
};

void on_host(const c10::OperatorHandle& operation, Stack* stack) {
  const auto& schema = operation.schema();
  count_operator(schema.name());
  if (makes_the_host_wait(schema.name())) count_wait(schema.name());
  HostArguments arguments(schema.name());
  const std::size_t begin = stack->size() - schema.arguments().size();
  for (std::size_t i = begin; i < stack->size(); ++i) (*stack)[i] = arguments.of((*stack)[i]);
  {
    const at::AutoDispatchBelowADInplaceOrView below;
    operation.callBoxed(stack);
  }
  arguments.keep_resized();
  for (std::size_t i = stack->size() - schema.returns().size(); i < stack->size(); ++i)
    (*stack)[i] = arguments.on_device((*stack)[i]);
}

TORCH_LIBRARY_IMPL(_, CUDA, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&on_host>());
}

}  // namespace
}  // namespace dfm::emulated
