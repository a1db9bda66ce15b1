#include "nn/linear_products.h"

#include "nn/kernel_support.h"

namespace dfm::nn {
namespace {

at::ScalarType type_of_products(const at::Tensor& values) {
  return values.is_cpu() ? product_type(values.scalar_type()) : values.scalar_type();
}

}  // namespace

bool multiplies_as_stored(const at::Tensor& values) {
  return type_of_products(values) == values.scalar_type();
}

at::Tensor linear_product(const at::Tensor& x, const at::Tensor& weight,
                          const std::optional<at::Tensor>& bias) {
  if (multiplies_as_stored(x)) return at::linear(x, weight, bias);
  const auto wide = type_of_products(x);
  const at::Tensor product = at::linear(x.to(wide), weight.to(wide));
  return (bias ? product.add_(*bias) : product).to(x.scalar_type());
}

LinearGradients::LinearGradients(const at::Tensor& dy)
    : narrow_(dy.scalar_type()), dy_(dy.to(type_of_products(dy))) {}

at::Tensor LinearGradients::of_input(const at::Tensor& weight) const {
  return dy_.mm(weight.to(dy_.scalar_type())).to(narrow_);
}

at::Tensor LinearGradients::of_weight(const at::Tensor& x) const {
  return dy_.t().mm(x.to(dy_.scalar_type())).to(narrow_);
}

at::Tensor LinearGradients::of_bias() const { return dy_.sum(0).to(narrow_); }

}  // namespace dfm::nn
