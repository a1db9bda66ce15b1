#include "nn/recompute.h"

#include <ATen/core/grad_mode.h>
#include <torch/custom_class.h>

namespace dfm::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// What autograd's context can hold: anything else than tensors and numbers travels in a capsule.
struct PartHolder : torch::CustomClassHolder {
  explicit PartHolder(NetworkPart kept) : part(std::move(kept)) {}
  NetworkPart part;
};

// The same values as leaves of a graph of their own.
variable_list as_leaves(const variable_list& inputs) {
  variable_list leaves;
  for (const at::Tensor& input : inputs) {
    leaves.push_back(input.detach().requires_grad_(input.requires_grad()));
  }
  return leaves;
}

struct Recomputed : torch::autograd::Function<Recomputed> {
  static at::Tensor forward(AutogradContext* context, at::TensorList inputs,
                            const c10::intrusive_ptr<torch::CustomClassHolder>& holder) {
    context->save_for_backward(inputs.vec());
    context->saved_data["part"] = c10::IValue::make_capsule(holder);
    return static_cast<const PartHolder&>(*holder).part(inputs.vec());
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto holder = context->saved_data["part"].toCapsule();
    const variable_list leaves = as_leaves(context->get_saved_variables());
    {
      const at::AutoGradMode with_graph(true);
      // Gradients of the parameters are added where they always are; those of the inputs to the leaves.
      static_cast<const PartHolder&>(*holder).part(leaves).backward(gradients[0]);
    }
    variable_list result;
    for (const at::Tensor& leaf : leaves) result.push_back(leaf.grad());
    result.emplace_back();  // of the part
    return result;
  }
};

}  // namespace

at::Tensor recomputed(NetworkPart part, const std::vector<at::Tensor>& inputs) {
  if (!at::GradMode::is_enabled()) return part(inputs);
  const c10::intrusive_ptr<torch::CustomClassHolder> holder =
      c10::make_intrusive<PartHolder>(std::move(part));
  // As a TensorList: autograd takes a vector for something that is no tensor, and drops its gradients.
  return Recomputed::apply(at::TensorList(inputs), holder);
}

}  // namespace dfm::nn
