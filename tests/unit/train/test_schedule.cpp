// Learning rates against golden/derived.md B14 and against lines drawn by hand.
#include <gtest/gtest.h>

#include "config/keys.h"
#include "support/errors.h"
#include "train/schedule.h"

namespace dfm::train {
namespace {

struct RateAfter {
  std::int64_t steps;
  double rate;
};

Config config_with(const Layer& layer) {
  Config config(all_keys());
  config.apply(layer);
  return config;
}

// golden/derived.md B14: lr 0.9e-4, warm-up 2000, decay 10000, cosine, min 0.9e-5. The file gives nine
// digits.
TEST(LearningRate, IsThatOfTheReferenceAlongTheCosine) {
  const Schedule defaults = schedule(Config(all_keys()));
  for (const RateAfter& expected : {RateAfter{0, 0},
                                    {1, 4.5e-8},
                                    {10, 4.5e-7},
                                    {1000, 4.5e-5},
                                    {2000, 9e-5},
                                    {4000, 7.81378246e-5},
                                    {6000, 4.95e-5},
                                    {8000, 2.08621754e-5},
                                    {10000, 9e-6},
                                    {10001, 9e-6},
                                    {1000000, 9e-6}}) {
    EXPECT_NEAR(learning_rate(defaults, expected.steps), expected.rate, 1e-9 * 9e-5) << expected.steps;
  }
}

TEST(LearningRate, FallsInAStraightLineWithTheLinearStyle) {
  const Schedule line{
      .peak = 1.0, .lowest = 0.2, .warmup_steps = 10, .decay_end = 110, .decay = Schedule::Decay::linear};
  EXPECT_DOUBLE_EQ(learning_rate(line, 10), 1.0);
  EXPECT_NEAR(learning_rate(line, 60), 0.6, 1e-12);
  EXPECT_NEAR(learning_rate(line, 85), 0.4, 1e-12);
  EXPECT_NEAR(learning_rate(line, 110), 0.2, 1e-12);
  EXPECT_DOUBLE_EQ(learning_rate(line, 111), 0.2);
}

TEST(LearningRate, StaysAtThePeakWithTheConstantStyle) {
  const Schedule constant{.peak = 0.3, .warmup_steps = 4, .decay_end = 8, .decay = Schedule::Decay::constant};
  EXPECT_DOUBLE_EQ(learning_rate(constant, 2), 0.15);
  for (const std::int64_t steps : {4, 5, 8, 9, 1000}) EXPECT_DOUBLE_EQ(learning_rate(constant, steps), 0.3);
}

TEST(LearningRate, WarmsUpFromItsStartingValue) {
  const Schedule warm{.peak = 0.5, .warmup_start = 0.1, .warmup_steps = 4, .decay_end = 100};
  EXPECT_DOUBLE_EQ(learning_rate(warm, 0), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(warm, 1), 0.2);
  EXPECT_DOUBLE_EQ(learning_rate(warm, 4), 0.5);
}

TEST(LearningRate, BeginsAtThePeakWithoutAWarmUp) {
  const Schedule cold{.peak = 0.5, .lowest = 0.1, .warmup_steps = 0, .decay_end = 100};
  EXPECT_DOUBLE_EQ(learning_rate(cold, 0), 0.5);
  EXPECT_NEAR(learning_rate(cold, 50), 0.3, 1e-12);
}

TEST(LearningRate, OfARunThatEndsInsideTheWarmUpIsFinite) {
  const Schedule brief{.peak = 1.0, .lowest = 0.1, .warmup_steps = 20, .decay_end = 20};
  EXPECT_DOUBLE_EQ(learning_rate(brief, 20), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate(brief, 21), 0.1);
}

TEST(Schedule, DecaysUntilTheEndOfTheRunUnlessToldOtherwise) {
  EXPECT_EQ(schedule(config_with({{"train.train_iters", "77", "test"}})).decay_end, 77);
  EXPECT_EQ(
      schedule(config_with({{"train.train_iters", "77", "test"}, {"scheduler.lr_decay_iters", "50", "test"}}))
          .decay_end,
      50);
}

TEST(Schedule, EndsAtATenthOfThePeakUnlessToldOtherwise) {
  EXPECT_DOUBLE_EQ(schedule(config_with({{"optimizer.lr", "0.02", "test"}})).lowest, 0.002);
  EXPECT_DOUBLE_EQ(
      schedule(config_with({{"optimizer.lr", "0.02", "test"}, {"optimizer.min_lr", "0", "test"}})).lowest, 0);
}

TEST(Schedule, TakesEachStyleByName) {
  const auto style = [](const char* name) {
    return schedule(config_with({{"scheduler.lr_decay_style", name, "test"}})).decay;
  };
  EXPECT_EQ(style("cosine"), Schedule::Decay::cosine);
  EXPECT_EQ(style("linear"), Schedule::Decay::linear);
  EXPECT_EQ(style("constant"), Schedule::Decay::constant);
}

// A recipe says where the decay ends, and the command lowers the rate beside it.
TEST(LearningRate, ThatWouldRiseIsRefused) {
  const Layer low{{"optimizer.lr", "1e-5", "test"}, {"optimizer.min_lr", "1e-4", "test"}};
  EXPECT_EQ(dfm::testing::error_of([&] { schedule(config_with(low)); }).kind(), ExitCode::usage);
  Layer constant = low;
  constant.push_back({"scheduler.lr_decay_style", "constant", "test"});
  EXPECT_EQ(schedule(config_with(constant)).peak, 1e-5);
  const Layer warm{{"optimizer.lr", "1e-5", "test"}, {"scheduler.lr_warmup_init", "1e-4", "test"}};
  EXPECT_EQ(dfm::testing::error_of([&] { schedule(config_with(warm)); }).kind(), ExitCode::usage);
}

}  // namespace
}  // namespace dfm::train
