// A linear layer: declares its parameters under a scope and multiplies.
#pragma once

#include "nn/parameter.h"

namespace dfm::nn {

class Linear {
 public:
  // Of parameters that are declared already; bias: undefined without one.
  Linear(at::Tensor weight, at::Tensor bias) : weight_(std::move(weight)), bias_(std::move(bias)) {}
  // y = x W' with W [outputs, inputs].
  Linear(const Scope& scope, std::int64_t inputs, std::int64_t outputs, Init weight_init);
  // y = x W' + b, both starting as torch.nn.Linear does, or as given.
  static Linear with_bias(const Scope& scope, std::int64_t inputs, std::int64_t outputs);
  static Linear with_bias(const Scope& scope, std::int64_t inputs, std::int64_t outputs, Init init);

  at::ScalarType dtype() const { return weight_.scalar_type(); }
  const at::Tensor& weight() const { return weight_; }
  const at::Tensor& bias() const { return bias_; }
  void add_bias(at::Tensor bias) { bias_ = std::move(bias); }

  // x [n, inputs] -> [n, outputs].
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  at::Tensor weight_, bias_;  // bias_ is undefined without a bias
};

}  // namespace dfm::nn
