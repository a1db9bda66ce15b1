// The products of a linear layer and of its backward pass on values, one by one, for who does something
// beside one of them: in the type in which this processor multiplies fast (product_type), and given in that
// of the operands.
#pragma once

#include <optional>

#include "nn/torch_header.h"

namespace dfm::nn {

// Whether these are multiplied without being converted.
bool multiplies_as_stored(const at::Tensor& values);

// y = x W' + b, with x [n, inputs] and W [outputs, inputs].
at::Tensor linear_product(const at::Tensor& x, const at::Tensor& weight,
                          const std::optional<at::Tensor>& bias);

class LinearGradients {
 public:
  // dy [n, outputs]: the gradient of y.
  explicit LinearGradients(const at::Tensor& dy);

  at::Tensor of_input(const at::Tensor& weight) const;
  at::Tensor of_weight(const at::Tensor& x) const;
  at::Tensor of_bias() const;

 private:
  at::ScalarType narrow_;
  at::Tensor dy_;
};

}  // namespace dfm::nn
