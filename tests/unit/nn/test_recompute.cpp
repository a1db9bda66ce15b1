// A part that is computed again: its gradients, those of the parameters it uses, and how often it runs.
#include <gtest/gtest.h>

#include "nn/recompute.h"
#include "support/tensors.h"

namespace dfm::nn {
namespace {

using dfm::testing::Normals;

struct Operands {
  Normals normals;
  at::Tensor x = normals({3, 4}).requires_grad_(true);
  at::Tensor y = normals({3, 4}).requires_grad_(true);
  at::Tensor weight = normals({4, 4}).requires_grad_(true);

  NetworkPart part() const {
    return [this](const std::vector<at::Tensor>& in) { return at::tanh(in[0].matmul(weight)) * in[1]; };
  }
};

TEST(Recomputed, GivesInputsAndParametersTheGradientsOfThePartItself) {
  const Operands kept,
      again{kept.normals, kept.x.detach().clone().requires_grad_(true),
            kept.y.detach().clone().requires_grad_(true), kept.weight.detach().clone().requires_grad_(true)};
  kept.part()({kept.x * 2, kept.y}).square().sum().backward();
  recomputed(again.part(), {again.x * 2, again.y}).square().sum().backward();
  EXPECT_TRUE(again.x.grad().equal(kept.x.grad()));
  EXPECT_TRUE(again.y.grad().equal(kept.y.grad()));
  EXPECT_TRUE(again.weight.grad().equal(kept.weight.grad()));
}

TEST(Recomputed, RunsThePartOnceForwardAndOnceBackward) {
  const Operands in;
  int runs = 0;
  const at::Tensor out = recomputed(
      [&](const std::vector<at::Tensor>& inputs) {
        ++runs;
        return in.part()(inputs);
      },
      {in.x, in.y});
  EXPECT_EQ(runs, 1);
  out.sum().backward();
  EXPECT_EQ(runs, 2);
}

TEST(Recomputed, NeedsNoGradientOfAnInputThatAsksForNone) {
  const Operands in;
  const at::Tensor constant = in.y.detach();
  recomputed(in.part(), {in.x, constant}).sum().backward();
  EXPECT_TRUE(in.x.grad().defined());
  EXPECT_FALSE(constant.grad().defined());
}

TEST(Recomputed, KeepsNoGraphWhereNoGradientsAreAskedFor) {
  const Operands in;
  const at::AutoGradMode without_graph(false);
  EXPECT_FALSE(recomputed(in.part(), {in.x, in.y}).requires_grad());
}

}  // namespace
}  // namespace dfm::nn
