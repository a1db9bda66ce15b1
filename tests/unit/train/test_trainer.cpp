// A step of training on one rank against the plain float64 reading of the network (small_dit.h) and the loss
// as the paper of EDM writes it.
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "support/errors.h"
#include "unit/train/odd_parameters.h"
#include "unit/train/one_rank.h"
#include "unit/train/tiny_training.h"

namespace dfm::train {
namespace {

using dfm::testing::error_of;
using dfm::testing::one_rank_groups;
using dfm::testing::relative_error;
using ::testing::HasSubstr;

// Karras et al., table 1 and equation 8: weight |D(x0 + n; sigma) - x0|^2, a mean over features; summed over
// tokens. The training data have the deviation sigma_data, the latents have 1.
at::Tensor plain_loss(const model::PlainDit& dit, const PackTensors& pack, std::size_t sample) {
  const auto begin = pack.layout.token_begins()[sample], count = pack.layout.token_counts()[sample];
  const auto rows = [&](const at::Tensor& all) { return all.narrow(0, begin, count); };
  const double sigma = pack.sigma[static_cast<std::int64_t>(sample)].item<double>(), data = 0.5;
  const double total = sigma * sigma + data * data;
  const at::Tensor x0 = rows(pack.latent).to(at::kDouble) * data;
  const at::Tensor x = x0 + sigma * rows(pack.noise).to(at::kDouble);
  const at::Tensor text =
      pack.text.narrow(0, pack.layout.text_begins()[sample], pack.layout.text_counts()[sample]);
  const at::Tensor network = dit.forward(
      {x / std::sqrt(total), rows(pack.positions), text, static_cast<float>(std::log(sigma) / 4)});
  const at::Tensor denoised = data * data / total * x + sigma * data / std::sqrt(total) * network;
  const double weight = total / (sigma * sigma * data * data);
  return weight * (denoised - x0).square().mean(1).sum();
}

struct PlainStep {
  double loss = 0, gradient_norm = 0;
  std::int64_t tokens = 0;
};

// The samples of the step one by one, whatever packs they are in.
PlainStep plain_step(const nn::ParameterList& parameters, std::int64_t first_position) {
  const TrainerSettings settings = tiny_settings();
  const model::PlainDit dit(tiny_model(), parameters);
  const data::StepBatch batch =
      reader(tiny_source(), tiny_reader_settings(one_rank_groups().data_context)).take(first_position);
  PlainStep step;
  at::Tensor loss = at::zeros({}, at::kDouble);
  for (const auto& samples : batch.packs) {
    const PackTensors pack = pack_tensors(samples, settings.noise, tiny_model().patches);
    for (std::size_t i = 0; i < samples.size(); ++i) loss = loss + plain_loss(dit, pack, i);
    step.tokens += pack.layout.tokens();
  }
  loss = loss / static_cast<double>(step.tokens);
  loss.backward();
  double squares = 0;
  for (const nn::Parameter& parameter : parameters.all()) {
    const at::Tensor& gradient = dit.weight(parameter.name).grad();
    if (gradient.defined()) squares += gradient.square().sum().item<double>();
  }
  return {loss.item<double>(), std::sqrt(squares), step.tokens};
}

class TrainerOfOneRank : public ::testing::Test {
 protected:
  static void start(Trainer& trainer) {
    trainer.initialize();
    disturb(trainer.parameters());
  }
  static double first_moment_norm(const Trainer& trainer) {
    double squares = 0;
    for (const ckpt::Piece& piece : trainer.pieces()) {
      for (const float m : piece.values) squares += piece.kind == "exp_avg" ? double{m} * m : 0;
    }
    return std::sqrt(squares);
  }

  const dfm::testing::Threads one_thread_{1};
};

TEST_F(TrainerOfOneRank, HasTheLossAndTheGradientNormOfThePapers) {
  Trainer trainer(tiny_settings(), one_rank_groups(), tiny_reader(one_rank_groups()));
  start(trainer);
  for (std::int64_t step = 0; step < 3; ++step) {
    const PlainStep expected = plain_step(trainer.parameters(), step * kTinyBatch);
    const StepResult ours = trainer.step();
    EXPECT_NEAR(ours.loss, expected.loss, 1e-5 * expected.loss) << "step " << ours.step;
    EXPECT_NEAR(ours.gradient_norm, expected.gradient_norm, 1e-4 * expected.gradient_norm);
    EXPECT_EQ(ours.tokens, expected.tokens);
  }
}

TEST_F(TrainerOfOneRank, CountsStepsAndSamples) {
  Trainer trainer(tiny_settings(), one_rank_groups(), tiny_reader(one_rank_groups()));
  start(trainer);
  trainer.step();
  const StepResult second = trainer.step();
  EXPECT_EQ(second.step, 2);
  EXPECT_EQ(second.consumed_samples, 2 * kTinyBatch);
  EXPECT_EQ(trainer.steps_done(), 2);
  EXPECT_EQ(trainer.consumed_samples(), 2 * kTinyBatch);
}

TEST_F(TrainerOfOneRank, TakesTheLearningRateOfTheStepsDone) {
  TrainerSettings settings = tiny_settings();
  settings.schedule = {.peak = 0.4, .warmup_steps = 4, .decay = Schedule::Decay::constant};
  Trainer trainer(settings, one_rank_groups(), tiny_reader(one_rank_groups()));
  start(trainer);
  EXPECT_DOUBLE_EQ(trainer.step().learning_rate, 0.0);
  EXPECT_DOUBLE_EQ(trainer.step().learning_rate, 0.1);
}

// The first moment after one step is (1 - beta1) times the gradient that the optimizer was given.
TEST_F(TrainerOfOneRank, ClipsALargeGradientToTheGlobalNorm) {
  TrainerSettings settings = tiny_settings();
  settings.clip_grad = 0.01;
  Trainer trainer(settings, one_rank_groups(), tiny_reader(one_rank_groups()));
  start(trainer);
  EXPECT_GT(trainer.step().gradient_norm, 0.02);
  EXPECT_NEAR(first_moment_norm(trainer), 0.1 * 0.01, 1e-5 * 0.01);
}

TEST_F(TrainerOfOneRank, LeavesAGradientBelowTheLimitAsItIs) {
  TrainerSettings settings = tiny_settings();
  settings.clip_grad = 1e6;
  Trainer trainer(settings, one_rank_groups(), tiny_reader(one_rank_groups()));
  start(trainer);
  const double norm = trainer.step().gradient_norm;
  EXPECT_NEAR(first_moment_norm(trainer), 0.1 * norm, 1e-6 * norm);
}

TEST_F(TrainerOfOneRank, StopsBeforeTheWeightsChangeWhenTheLossIsNotFinite) {
  Trainer trainer(tiny_settings(), one_rank_groups(), tiny_reader(one_rank_groups()));
  start(trainer);
  trainer.parameters()
      .find("final_layer_linear.bias")
      .value.detach()
      .select(0, 0)
      .fill_(std::numeric_limits<float>::quiet_NaN());
  const at::Tensor before = trainer.parameters().find("x_embedder.weight").value.detach().clone();
  const Error error = error_of([&] { trainer.step(); });
  EXPECT_EQ(error.kind(), ExitCode::internal);
  EXPECT_THAT(error.what(), HasSubstr("step 1: the loss is"));
  EXPECT_TRUE(at::equal(trainer.parameters().find("x_embedder.weight").value, before));
  EXPECT_EQ(first_moment_norm(trainer), 0);
  EXPECT_EQ(trainer.steps_done(), 0);
}

TEST_F(TrainerOfOneRank, ReachesALowerLossOnOneBatchByTraining) {
  data::SampleSource source = tiny_source();
  source.samples_in_shard = {kTinyBatch};
  Trainer trainer(tiny_settings(), one_rank_groups(),
                  reader(source, tiny_reader_settings(one_rank_groups().data_context)));
  start(trainer);
  double first = 0, last = 0;
  for (int i = 0; i < 20; ++i) first += trainer.step().loss;
  for (int i = 0; i < 100; ++i) trainer.step();
  for (int i = 0; i < 20; ++i) last += trainer.step().loss;
  EXPECT_LT(last, 0.9 * first);
}

}  // namespace
}  // namespace dfm::train
