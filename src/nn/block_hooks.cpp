#include "nn/block_hooks.h"

#include <ATen/core/grad_mode.h>

#include "core/error.h"
#include "nn/held.h"

namespace dfm::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

using Call = std::function<void()>;

// Passes tensors on; when all their gradients are there, calls, and then passes these on. Autograd takes the
// youngest node that is ready: one at a block's entry therefore comes after all nodes of the block, and one
// at its exit before them.
struct CallInBackward : torch::autograd::Function<CallInBackward> {
  static variable_list forward(AutogradContext* context, at::TensorList inputs, const Holder& call) {
    context->set_materialize_grads(false);
    keep(context, call);
    return inputs.vec();
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    kept<Call>(context)();
    gradients.emplace_back();  // of the call
    return gradients;
  }
};

variable_list call_in_backward(const variable_list& tensors, Call call) {
  return CallInBackward::apply(at::TensorList(tensors), hold(std::move(call)));
}

// Those without gradients stay outside, so that none is computed for them.
void call_after_backward(std::vector<at::Tensor>& inputs, Call call) {
  variable_list with_gradients;
  for (const at::Tensor& input : inputs) {
    if (input.requires_grad()) with_gradients.push_back(input);
  }
  ensure(!with_gradients.empty(), "a block with hooks has an input with a gradient");
  const variable_list passed = call_in_backward(with_gradients, std::move(call));
  auto next = passed.begin();
  for (at::Tensor& input : inputs) {
    if (input.requires_grad()) input = *next++;
  }
}

}  // namespace

at::Tensor run_block(const BlockHooks& hooks, const Block& block, std::size_t i,
                     std::vector<at::Tensor> inputs) {
  if (!hooks.before_forward) return block(i, inputs);
  hooks.before_forward(i);
  if (!at::GradMode::is_enabled()) return block(i, inputs);
  call_after_backward(inputs, [&hooks, i] { hooks.after_backward(i); });
  return call_in_backward({block(i, inputs)}, [&hooks, i] { hooks.before_backward(i); }).at(0);
}

}  // namespace dfm::nn
