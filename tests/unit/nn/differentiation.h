// Runs a differentiable function and its reference on the same input, and compares results and all gradients.
#pragma once

#include <functional>
#include <vector>

#include <gtest/gtest.h>

#include "support/tensors.h"

namespace dfm::nn::testing {

using dfm::testing::Normals;
using dfm::testing::relative_error;
using dfm::testing::Threads;

using Tensors = std::vector<at::Tensor>;
using Function = std::function<at::Tensor(const Tensors&)>;

constexpr double kFloatTolerance = 1e-5;
// Half a unit in the last place is 2^-9; results are rounded more than once on the way.
constexpr double kBfloat16Tolerance = 1.0 / 256;

// The result, then the gradient of each input for the outgoing gradient g.
inline Tensors results_and_gradients(const Function& function, const Tensors& inputs, const at::Tensor& g) {
  Tensors leaves;
  for (const at::Tensor& input : inputs) leaves.push_back(input.detach().clone().requires_grad_(true));
  const at::Tensor out = function(leaves);
  out.backward(g.to(out.scalar_type()));
  Tensors results{out.detach()};
  for (const at::Tensor& leaf : leaves) results.push_back(leaf.grad());
  return results;
}

inline Tensors converted(const Tensors& inputs, at::ScalarType dtype) {
  Tensors result;
  for (const at::Tensor& input : inputs) result.push_back(input.to(dtype));
  return result;
}

// `function` in dtype against `reference` in float64, from the same rounded inputs.
inline void expect_agreement(const Function& function, const Function& reference, const Tensors& inputs,
                             const at::Tensor& g, at::ScalarType dtype, double tolerance) {
  const Tensors rounded = converted(inputs, dtype);
  const Tensors ours = results_and_gradients(function, rounded, g.to(dtype));
  const Tensors expected =
      results_and_gradients(reference, converted(rounded, at::kDouble), g.to(dtype).to(at::kDouble));
  for (std::size_t i = 0; i < ours.size(); ++i) {
    EXPECT_EQ(ours[i].scalar_type(), dtype);
    EXPECT_EQ(ours[i].sizes(), expected[i].sizes());
    EXPECT_LT(relative_error(ours[i], expected[i]), tolerance)
        << (i == 0 ? std::string("result") : "gradient of argument " + std::to_string(i - 1));
  }
}

// The same bits on one thread and on two.
inline void expect_same_on_two_threads(const Function& function, const Tensors& inputs, const at::Tensor& g) {
  const auto run = [&](int threads) {
    const Threads scope(threads);
    return results_and_gradients(function, inputs, g);
  };
  const Tensors one = run(1), two = run(2);
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(at::equal(one[i], two[i])) << "result " << i;
}

}  // namespace dfm::nn::testing
