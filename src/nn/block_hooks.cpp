#include "nn/block_hooks.h"

#include <ATen/core/grad_mode.h>
#include <torch/custom_class.h>

#include "core/error.h"

namespace dfm::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// What autograd's context can hold: anything else than tensors and numbers travels in a capsule.
struct CallHolder : torch::CustomClassHolder {
  explicit CallHolder(std::function<void()> kept) : call(std::move(kept)) {}
  std::function<void()> call;
};

// Passes tensors on; when all their gradients are there, calls, and then passes these on. Autograd takes the
// youngest node that is ready: one at a block's entry therefore comes after all nodes of the block, and one
// at its exit before them.
struct CallInBackward : torch::autograd::Function<CallInBackward> {
  static variable_list forward(AutogradContext* context, at::TensorList inputs,
                               const c10::intrusive_ptr<torch::CustomClassHolder>& holder) {
    context->set_materialize_grads(false);
    context->saved_data["call"] = c10::IValue::make_capsule(holder);
    return inputs.vec();
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto holder = context->saved_data["call"].toCapsule();
    static_cast<const CallHolder&>(*holder).call();
    gradients.emplace_back();  // of the holder
    return gradients;
  }
};

variable_list call_in_backward(const variable_list& tensors, std::function<void()> call) {
  const c10::intrusive_ptr<torch::CustomClassHolder> holder =
      c10::make_intrusive<CallHolder>(std::move(call));
  return CallInBackward::apply(at::TensorList(tensors), holder);
}

// Those without gradients stay outside, so that none is computed for them.
void call_after_backward(std::vector<at::Tensor>& inputs, std::function<void()> call) {
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
