#include "nn/linear.h"

#include "nn/linear_products.h"

namespace dfm::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Keeps the operands as they are stored alone. x [n, inputs].
struct WidenedLinear : torch::autograd::Function<WidenedLinear> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias) {
    context->save_for_backward({x, weight});
    context->saved_data["has_bias"] = bias.has_value();
    return linear_product(x, weight, bias);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const LinearGradients gradient(gradients[0]);
    const auto when_needed = [&](std::size_t input, auto&& made) {
      return context->needs_input_grad(input) ? made() : at::Tensor();
    };
    const bool has_bias = context->saved_data["has_bias"].toBool();
    return {when_needed(0, [&] { return gradient.of_input(saved[1]); }),
            when_needed(1, [&] { return gradient.of_weight(saved[0]); }),
            has_bias ? when_needed(2, [&] { return gradient.of_bias(); }) : at::Tensor()};
  }
};

}  // namespace

Linear::Linear(const Scope& scope, std::int64_t inputs, std::int64_t outputs, Init weight_init)
    : weight_(scope.declare("weight", {outputs, inputs}, weight_init)) {}

Linear Linear::with_bias(const Scope& scope, std::int64_t inputs, std::int64_t outputs) {
  return with_bias(scope, inputs, outputs, Init::linear_default(inputs));
}

Linear Linear::with_bias(const Scope& scope, std::int64_t inputs, std::int64_t outputs, Init init) {
  Linear linear(scope, inputs, outputs, init);
  linear.bias_ = scope.declare("bias", {outputs}, init);
  return linear;
}

at::Tensor Linear::operator()(const at::Tensor& x) const {
  if (multiplies_as_stored(x)) return at::linear(x, weight_, bias_);
  return WidenedLinear::apply(x, weight_, bias_.defined() ? std::optional(bias_) : std::nullopt);
}

}  // namespace dfm::nn
