// The network, its loss and every gradient against an independent PyTorch reading of the specification
// (tests/golden/dit/README.md).
#include <cmath>

#include <gtest/gtest.h>

#include "ckpt/safetensors.h"
#include "diffusion/edm.h"
#include "model/dit.h"
#include "nn/array_bridge.h"
#include "nn/pack.h"
#include "unit/model/golden_dit.h"

namespace dfm::model {
namespace {

double relative_error(const at::Tensor& ours, const at::Tensor& golden) {
  const at::Tensor expected = golden.to(at::kDouble);
  return (ours.detach().to(at::kDouble) - expected).norm().item<double>() / expected.norm().item<double>();
}

class DitGolden : public ::testing::Test {
 protected:
  const GoldenDit golden_;
};

TEST_F(DitGolden, ParameterNamesAndShapesAreThoseOfTheReference) {
  std::size_t golden_parameters = 0;
  for (const auto& entry : golden_.file.entries()) {
    if (!entry.name.starts_with("param.")) continue;
    ++golden_parameters;
    EXPECT_EQ(golden_.parameters.find(entry.name.substr(6)).placement.global_shape, entry.shape)
        << entry.name;
  }
  EXPECT_EQ(golden_parameters, golden_.parameters.all().size());
}

TEST_F(DitGolden, NetworkOutputAgrees) {
  const at::Tensor output = golden_.scaled_forward(golden_.tensor("in.text"));
  EXPECT_LT(relative_error(output, golden_.tensor("out.network")), 1e-5);
}

TEST_F(DitGolden, DenoisedEstimateAgrees) {
  const at::Tensor sigma = golden_.sigma_of_samples();
  const at::Tensor x =
      golden_.tensor("in.latent") * 0.5 + golden_.tensor("in.sigma") * golden_.tensor("in.noise");
  const at::Tensor estimate =
      diffusion::denoise(golden_.network(golden_.tensor("in.text")), x, sigma, 0.5, golden_.layout);
  EXPECT_LT(relative_error(estimate, golden_.tensor("out.denoised")), 1e-5);
}

TEST_F(DitGolden, LossAndEveryGradientAgree) {
  const at::Tensor mask = golden_.tensor("in.mask");
  const at::Tensor losses =
      diffusion::token_losses(golden_.network(golden_.tensor("in.text")), golden_.tensor("in.latent"),
                              golden_.tensor("in.noise"), golden_.sigma_of_samples(), 0.5, golden_.layout);
  const at::Tensor loss = (losses * mask).sum() / mask.sum();
  EXPECT_LT(relative_error(loss, golden_.tensor("out.loss")), 1e-5);
  loss.backward();
  std::size_t compared = 0;
  for (const auto& parameter : golden_.parameters.all()) {
    const std::string full = "grad." + parameter.name, rows = "grad_every8." + parameter.name;
    if (!golden_.file.has(full) && !golden_.file.has(rows)) {
      EXPECT_EQ(parameter.name, "affline_norm.weight");
      EXPECT_FALSE(parameter.value.grad().defined());
      continue;
    }
    ++compared;
    const bool is_whole = golden_.file.has(full);
    const at::Tensor gradient = is_whole ? parameter.value.grad() : parameter.value.grad().slice(0, 0, {}, 8);
    EXPECT_LT(relative_error(gradient, golden_.tensor(is_whole ? full : rows)), 1e-5) << parameter.name;
  }
  EXPECT_EQ(compared, 38U);
}

TEST_F(DitGolden, PositionTableRowsAgree) {
  const nn::PositionTable table(6, 10, 14, 272);
  const at::Tensor index = golden_.tensor("table.row_index");
  const at::Tensor t = index.div(140, "floor"), y = index.remainder(140).div(14, "floor"),
                   x = index.remainder(14);
  EXPECT_LT(relative_error(table.rows_for(at::stack({t, y, x}, 1)), golden_.tensor("table.rows")), 1e-7);
}

}  // namespace
}  // namespace dfm::model
