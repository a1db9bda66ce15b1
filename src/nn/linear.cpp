#include "nn/linear.h"

#include "nn/kernel_support.h"

namespace dfm::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Multiplies in another type than that of the operands, which alone are kept for the backward pass. x [n,
// inputs].
struct WidenedLinear : torch::autograd::Function<WidenedLinear> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias) {
    const auto wide = product_type(x.scalar_type());
    context->save_for_backward({x, weight});
    context->saved_data["has_bias"] = bias.has_value();
    const at::Tensor product = at::linear(x.to(wide), weight.to(wide));
    return (bias ? product.add_(*bias) : product).to(x.scalar_type());
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto narrow = saved[0].scalar_type(), wide = product_type(narrow);
    const at::Tensor dy = gradients[0].to(wide);
    const auto when_needed = [&](std::size_t input, auto&& gradient) {
      return context->needs_input_grad(input) ? gradient().to(narrow) : at::Tensor();
    };
    const bool has_bias = context->saved_data["has_bias"].toBool();
    return {when_needed(0, [&] { return dy.mm(saved[1].to(wide)); }),
            when_needed(1, [&] { return dy.t().mm(saved[0].to(wide)); }),
            has_bias ? when_needed(2, [&] { return dy.sum(0); }) : at::Tensor()};
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

Linear Linear::with_zero_bias(const Scope& scope, std::int64_t inputs, std::int64_t outputs,
                              Init weight_init) {
  Linear linear(scope, inputs, outputs, weight_init);
  linear.bias_ = scope.declare("bias", {outputs}, Init::zeros());
  return linear;
}

at::Tensor Linear::operator()(const at::Tensor& x) const {
  const bool is_as_stored = !x.is_cpu() || product_type(x.scalar_type()) == x.scalar_type();
  if (is_as_stored) return at::linear(x, weight_, bias_);
  return WidenedLinear::apply(x, weight_, bias_.defined() ? std::optional(bias_) : std::nullopt);
}

}  // namespace dfm::nn
