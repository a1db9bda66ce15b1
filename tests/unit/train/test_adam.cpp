// The update against the formula of the paper (Loshchilov & Hutter, "Decoupled weight decay regularization",
// algorithm 2), written out in float64 with tensor operations.
#include <cmath>

#include <gtest/gtest.h>

#include "train/adam.h"
#include "unit/train/odd_parameters.h"
#include "unit/train/one_rank.h"

namespace dfm::train {
namespace {

using dfm::testing::Normals;
using dfm::testing::one_rank_groups;
using dfm::testing::relative_error;

constexpr std::uint64_t kSeed = 3;

// Up to the rounding of float32 numbers of this size.
bool is_close(const at::Tensor& ours, const at::Tensor& expected) {
  return at::allclose(ours.detach().to(at::kDouble), expected, 1e-6, 2e-6);
}

// A parameter on its way through the algorithm.
struct PaperAdam {
  at::Tensor theta, m, v;

  explicit PaperAdam(const at::Tensor& start)
      : theta(start.detach().to(at::kDouble).clone()), m(at::zeros_like(theta)), v(at::zeros_like(theta)) {}

  void step(const at::Tensor& gradient, std::int64_t t, double rate, double decay, const AdamSettings& s) {
    const at::Tensor g = gradient.to(at::kDouble);
    m = s.beta1 * m + (1 - s.beta1) * g;
    v = s.beta2 * v + (1 - s.beta2) * g * g;
    const at::Tensor m_hat = m / (1 - std::pow(s.beta1, t)), v_hat = v / (1 - std::pow(s.beta2, t));
    theta = theta - rate * (m_hat / (v_hat.sqrt() + s.epsilon) + decay * theta);
  }
};

class Adam : public ::testing::Test {
 protected:
  explicit Adam(at::ScalarType dtype = at::kFloat) : parameters_(odd_parameters(dtype)) {}

  ShardedAdam adam(const AdamSettings& settings) const {
    ShardedAdam adam(parameters_, layout_, one_rank_groups(), settings);
    adam.initialize(kSeed);
    return adam;
  }
  void update(ShardedAdam& adam, const std::vector<at::Tensor>& values, std::int64_t step, double rate,
              double scale = 1) {
    set_gradients(parameters_, values);
    gradients_.reduce();
    adam.update(gradients_, step, rate, scale);
    gradients_.clear();
  }
  const at::Tensor& value(std::size_t i) const { return parameters_.all()[i].value; }

  Normals normals_;
  nn::ParameterList parameters_;
  const ShardLayout layout_{parameters_, 0, 1, 100};
  Gradients gradients_{parameters_, layout_, one_rank_groups()};
};

TEST_F(Adam, FollowsThePaperOverManySteps) {
  const AdamSettings settings{.beta1 = 0.85, .beta2 = 0.97, .epsilon = 1e-4, .weight_decay = 0.3};
  ShardedAdam ours = adam(settings);
  std::vector<PaperAdam> paper;
  for (const nn::Parameter& parameter : parameters_.all()) paper.emplace_back(parameter.value);
  for (std::int64_t step = 1; step <= 12; ++step) {
    const double rate = 0.01 / static_cast<double>(step);
    const auto gradients = random_gradients(normals_);
    update(ours, gradients, step, rate);
    for (std::size_t i = 0; i < paper.size(); ++i) {
      const double decay = kOddShapes[i].size() > 1 ? 0.3 : 0.0;
      paper[i].step(gradients[i], step, rate, decay, settings);
      ASSERT_TRUE(is_close(value(i), paper[i].theta)) << "step " << step << ", parameter " << i;
    }
  }
  const auto pieces = ours.pieces();
  for (std::size_t i = 0; i < paper.size(); ++i) {
    const std::string name = "p" + std::to_string(i);
    EXPECT_TRUE(is_close(from_pieces(pieces, "exp_avg", name), paper[i].m.flatten()));
    EXPECT_TRUE(is_close(from_pieces(pieces, "exp_avg_sq", name), paper[i].v.flatten()));
  }
}

// With bias correction, m/sqrt(v) of the first step is the sign of the gradient, however small that is.
TEST_F(Adam, MovesEveryWeightByTheLearningRateInTheFirstStep) {
  ShardedAdam ours = adam({.epsilon = 1e-12, .weight_decay = 0});
  auto gradients = random_gradients(normals_);
  for (at::Tensor& gradient : gradients) gradient.add_(gradient.sign()).mul_(1e-3);
  const at::Tensor before = value(6).detach().clone();
  update(ours, gradients, 1, 0.25);
  const at::Tensor expected = before - 0.25 * gradients[6].sign();
  EXPECT_LT((value(6) - expected).abs().max().item<float>(), 1e-5);
}

TEST_F(Adam, DecaysMatricesAndLeavesVectorsAlone) {
  ShardedAdam ours = adam({.weight_decay = 0.5});
  const at::Tensor matrix = value(0).detach().clone(), vector = value(5).detach().clone();
  std::vector<at::Tensor> zeros;
  for (const Shape& shape : kOddShapes) zeros.push_back(at::zeros(shape));
  update(ours, zeros, 1, 0.1);
  EXPECT_LT(relative_error(value(0), matrix * 0.95), 1e-6);
  EXPECT_TRUE(at::equal(value(5), vector));
}

TEST_F(Adam, ScalesTheGradientBeforeItEntersTheMoments) {
  ShardedAdam ours = adam({});
  const auto gradients = random_gradients(normals_);
  update(ours, gradients, 1, 0.1, 0.25);
  const auto pieces = ours.pieces();
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const std::string name = "p" + std::to_string(i);
    const at::Tensor g = gradients[i].to(at::kDouble).flatten() * 0.25;
    EXPECT_LT(relative_error(from_pieces(pieces, "exp_avg", name), g * 0.1), 1e-6);
    EXPECT_LT(relative_error(from_pieces(pieces, "exp_avg_sq", name), g * g * 0.05), 1e-6);
  }
}

TEST_F(Adam, StartsWithTheValuesThatTheParametersDeclare) {
  nn::ParameterList expected = odd_parameters();
  expected.initialize(kSeed);
  adam({});
  EXPECT_TRUE(at::equal(parameters_.buffer(), expected.buffer()));
}

TEST_F(Adam, KeepsAMovingAverageOfTheWeightsAfterEachStep) {
  ShardedAdam ours = adam({.ema_decay = 0.8});
  at::Tensor expected = value(4).detach().to(at::kDouble).clone();
  for (std::int64_t step = 1; step <= 5; ++step) {
    update(ours, random_gradients(normals_), step, 0.1);
    expected = 0.8 * expected + 0.2 * value(4).detach().to(at::kDouble);
  }
  EXPECT_LT(relative_error(from_pieces(ours.pieces(), "ema", "p4"), expected.flatten()), 1e-6);
}

TEST_F(Adam, SavesNoMovingAverageUnlessAskedFor) {
  const ShardedAdam ours = adam({});
  for (const ckpt::Piece& piece : ours.pieces()) EXPECT_NE(piece.kind, "ema");
}

class AdamOfBfloat16 : public Adam {
 protected:
  AdamOfBfloat16() : Adam(at::kBFloat16) {}
};

// Each step moves a weight by less than half of what bfloat16 resolves.
TEST_F(AdamOfBfloat16, AddsUpStepsThatAreTooSmallForTheParameters) {
  const AdamSettings settings{.epsilon = 1e-12, .weight_decay = 0};
  ShardedAdam ours = adam(settings);
  const at::Tensor start = from_pieces(ours.pieces(), "weights", "p5").clone();
  std::vector<at::Tensor> ones;
  for (const Shape& shape : kOddShapes) ones.push_back(at::ones(shape));
  for (std::int64_t step = 1; step <= 200; ++step) update(ours, ones, step, 1e-4);
  const at::Tensor moved = from_pieces(ours.pieces(), "weights", "p5");
  EXPECT_LT((moved - (start - 0.02)).abs().max().item<float>(), 1e-5);
  EXPECT_TRUE(at::equal(value(5), moved.to(at::kBFloat16)));
}

}  // namespace
}  // namespace dfm::train
