#include "nn/linear.h"

namespace dfm::nn {

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

at::Tensor Linear::operator()(const at::Tensor& x) const { return at::linear(x, weight_, bias_); }

}  // namespace dfm::nn
