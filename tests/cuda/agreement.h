// Runs a differentiable function on the GPU and its reference, plain ATen in float64 on the CPU, and compares
// results and all gradients.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cuda/gpu.h"

namespace dfm::test {

using Tensors = std::vector<at::Tensor>;
using Function = std::function<at::Tensor(const Tensors&)>;

// The result, then the gradient of each input for the outgoing gradient.
inline Tensors results_and_gradients(const Function& function, const Tensors& inputs, const at::Tensor& g) {
  Tensors leaves;
  for (const at::Tensor& input : inputs) leaves.push_back(input.detach().clone().requires_grad_(true));
  const at::Tensor out = function(leaves);
  out.backward(g);
  Tensors results{out.detach()};
  for (const at::Tensor& leaf : leaves) results.push_back(leaf.grad());
  return results;
}

inline Tensors converted(const Tensors& tensors, const at::TensorOptions& to) {
  Tensors result;
  for (const at::Tensor& each : tensors) result.push_back(each.to(to));
  return result;
}

inline std::string name_of(std::size_t i) {
  return i == 0 ? "result" : "gradient of argument " + std::to_string(i - 1);
}

inline double tolerance(at::ScalarType type) { return type == at::kFloat ? 1e-5 : 1e-2; }

// From the same rounded inputs, float64 on the CPU. The function is run twice: its bits must not change.
inline void expect_agreement(const Function& function, const Function& reference, const Tensors& inputs,
                             const at::Tensor& g, at::ScalarType type) {
  const at::TensorOptions on_gpu = at::TensorOptions(gpu()).dtype(type);
  const Tensors rounded = converted(inputs, on_gpu);
  const at::Tensor rounded_g = g.to(on_gpu);
  const Tensors ours = results_and_gradients(function, rounded, rounded_g);
  const Tensors again = results_and_gradients(function, rounded, rounded_g);
  const at::TensorOptions wide = at::TensorOptions(at::kCPU).dtype(at::kDouble);
  const Tensors expected = results_and_gradients(reference, converted(rounded, wide), rounded_g.to(wide));
  for (std::size_t i = 0; i < ours.size(); ++i) {
    SCOPED_TRACE(name_of(i) + ", " + at::toString(type));
    ASSERT_TRUE(ours[i].defined());
    EXPECT_EQ(ours[i].scalar_type(), type);
    ASSERT_EQ(ours[i].sizes(), expected[i].sizes());
    EXPECT_LT(relative_error(ours[i], expected[i]), tolerance(type));
    EXPECT_TRUE(at::equal(ours[i], again[i])) << "differs from run to run";
  }
}

inline at::Tensor random(at::IntArrayRef shape) { return at::randn(shape, at::kDouble); }

}  // namespace dfm::test
