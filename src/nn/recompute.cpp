#include "nn/recompute.h"

#include <ATen/core/grad_mode.h>

#include "nn/held.h"

namespace dfm::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The same values as leaves of a graph of their own.
variable_list as_leaves(const variable_list& inputs) {
  variable_list leaves;
  for (const at::Tensor& input : inputs) {
    leaves.push_back(input.detach().requires_grad_(input.requires_grad()));
  }
  return leaves;
}

struct Recomputed : torch::autograd::Function<Recomputed> {
  static at::Tensor forward(AutogradContext* context, at::TensorList inputs, const Holder& part) {
    context->save_for_backward(inputs.vec());
    keep(context, part);
    return value_in<NetworkPart>(part)(inputs.vec());
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list leaves = as_leaves(context->get_saved_variables());
    {
      const at::AutoGradMode with_graph(true);
      // Gradients of the parameters are added where they always are; those of the inputs to the leaves.
      kept<NetworkPart>(context)(leaves).backward(gradients[0]);
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
  // As a TensorList: autograd takes a vector for something that is no tensor, and drops its gradients.
  return Recomputed::apply(at::TensorList(inputs), hold(std::move(part)));
}

}  // namespace dfm::nn
