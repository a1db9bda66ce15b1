// Gradients on one rank: micro-batches add up, the norm is the norm. Several ranks: tests/mpi.
#include <cmath>

#include <gtest/gtest.h>

#include "train/gradients.h"
#include "unit/train/odd_parameters.h"
#include "unit/train/one_rank.h"

namespace dfm::train {
namespace {

using dfm::testing::Normals;
using dfm::testing::one_rank_groups;
using dfm::testing::relative_error;

// On one rank every segment is a whole parameter.
class GradientsOfOneRank : public ::testing::Test {
 protected:
  explicit GradientsOfOneRank(at::ScalarType dtype = at::kFloat) : parameters_(odd_parameters(dtype)) {}

  at::Tensor gradient(std::size_t parameter) const {
    return gradients_.segment(layout_.segments()[parameter]);
  }
  void expect_gradients(const std::vector<at::Tensor>& expected, double tolerance) const {
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_LT(relative_error(gradient(i), expected[i].flatten()), tolerance) << "parameter " << i;
    }
  }

  Normals normals_;
  nn::ParameterList parameters_;
  const ShardLayout layout_{parameters_, 0, 1, 100};
  Gradients gradients_{parameters_, layout_, one_rank_groups()};
};

class GradientsOfBfloat16 : public GradientsOfOneRank {
 protected:
  GradientsOfBfloat16() : GradientsOfOneRank(at::kBFloat16) {}
};

double squared_norm_in_double(const std::vector<at::Tensor>& gradients) {
  double total = 0;
  for (const at::Tensor& each : gradients) total += each.to(at::kDouble).square().sum().item<double>();
  return total;
}

TEST_F(GradientsOfOneRank, HaveTheSumOfSquaresOfAllElements) {
  const auto values = random_gradients(normals_);
  set_gradients(parameters_, values);
  gradients_.reduce();
  const double expected = squared_norm_in_double(values);
  EXPECT_NEAR(gradients_.squared_norm().item<double>(), expected, 1e-6 * expected);
}

TEST_F(GradientsOfOneRank, HaveTheSameNormOnAnyNumberOfThreads) {
  set_gradients(parameters_, random_gradients(normals_));
  gradients_.reduce();
  const dfm::testing::Threads one(1);
  const double expected = gradients_.squared_norm().item<double>();
  for (const int count : {2, 3, 5}) {
    const dfm::testing::Threads several(count);
    EXPECT_EQ(gradients_.squared_norm().item<double>(), expected) << count << " threads";
  }
}

TEST_F(GradientsOfOneRank, AreThoseOfTheOnlyBackward) {
  const auto values = random_gradients(normals_);
  set_gradients(parameters_, values);
  gradients_.reduce();
  expect_gradients(values, 1e-12);
}

TEST_F(GradientsOfOneRank, AreZeroForAParameterThatNoLossReached) {
  auto values = random_gradients(normals_);
  set_gradients(parameters_, values);
  parameters_.all()[2].value.mutable_grad().reset();
  values[2].zero_();
  gradients_.reduce();
  expect_gradients(values, 1e-12);
  const double expected = squared_norm_in_double(values);
  EXPECT_NEAR(gradients_.squared_norm().item<double>(), expected, 1e-6 * expected);
}

TEST_F(GradientsOfOneRank, AreForgottenWhenCleared) {
  set_gradients(parameters_, random_gradients(normals_));
  gradients_.reduce();
  gradients_.clear();
  EXPECT_EQ(gradients_.squared_norm().item<double>(), 0);
  for (const nn::Parameter& parameter : parameters_.all()) EXPECT_FALSE(parameter.value.grad().defined());
}

TEST_F(GradientsOfOneRank, AddUpOverMicroBatches) {
  std::vector<at::Tensor> sums;
  for (const Shape& shape : kOddShapes) sums.push_back(at::zeros(shape, at::kDouble));
  for (int batch = 0; batch < 5; ++batch) {
    std::vector<at::Tensor> weights = random_gradients(normals_);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      (parameters_.all()[i].value * weights[i]).sum().backward();
      sums[i] += weights[i];
    }
    if (batch < 4) gradients_.collect();
  }
  gradients_.reduce();
  for (std::size_t i = 0; i < sums.size(); ++i) {
    EXPECT_TRUE(at::allclose(gradient(i).to(at::kDouble), sums[i].flatten(), 0, 5e-6)) << "parameter " << i;
  }
}

// 1 + 256 * 2^-9: in bfloat16 every addition would be rounded away.
TEST_F(GradientsOfBfloat16, AddUpOverMicroBatchesWithoutRounding) {
  const auto constant = [](double value) {
    std::vector<at::Tensor> values;
    for (const Shape& shape : kOddShapes) values.push_back(at::full(shape, value));
    return values;
  };
  set_gradients(parameters_, constant(1));
  for (int batch = 0; batch < 256; ++batch) {
    gradients_.collect();
    set_gradients(parameters_, constant(std::ldexp(1.0, -9)));
  }
  gradients_.reduce();
  expect_gradients(constant(1.5), 1e-12);
}

TEST_F(GradientsOfBfloat16, KeepWhatAnEarlierMicroBatchGaveToAParameterThatTheLastMissed) {
  const auto values = random_gradients(normals_);
  set_gradients(parameters_, values);
  gradients_.collect();
  parameters_.all()[3].value.mutable_grad() = at::ones(kOddShapes[3], at::kBFloat16);
  gradients_.reduce();
  EXPECT_TRUE(at::equal(gradient(1), values[1].to(at::kBFloat16).to(at::kFloat).flatten()));
  EXPECT_LT(relative_error(gradient(3), values[3].to(at::kBFloat16).flatten() + 1), 1e-2);
}

}  // namespace
}  // namespace dfm::train
