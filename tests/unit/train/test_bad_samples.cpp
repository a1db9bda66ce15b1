// Training with samples that cannot be read: within the budget as if they were not there, beyond it an error.
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
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The source without the sample at a position.
data::SampleSource source_without(std::int64_t position) {
  data::SampleSource source = tiny_source();
  data::DataOrder order(source.samples_in_shard, tiny_reader_settings(one_rank_groups().data_context).order);
  source.read = [good = source.read, bad = order.sample_at(position)](std::int64_t i) {
    if (i == bad) throw data_error("the bad sample is damaged");
    return good(i);
  };
  return source;
}

std::unique_ptr<Trainer> trainer_of(const data::SampleSource& source, std::int64_t batch,
                                    std::int64_t max_bad_samples) {
  TrainerSettings settings = tiny_settings();
  settings.max_bad_samples = max_bad_samples;
  data::StepReaderSettings of_reader = tiny_reader_settings(one_rank_groups().data_context);
  of_reader.global_batch_size = batch;
  auto trainer = std::make_unique<Trainer>(settings, one_rank_groups(), reader(source, of_reader));
  trainer->initialize();
  disturb(trainer->parameters());
  return trainer;
}

TEST(BadSamples, WithinTheBudgetLeaveTheStepOfTheOthers) {
  const auto with_bad = trainer_of(source_without(kTinyBatch - 1), kTinyBatch, 1);
  const auto without = trainer_of(tiny_source(), kTinyBatch - 1, 0);
  const StepResult ours = with_bad->step(), expected = without->step();
  EXPECT_EQ(ours.tokens, expected.tokens);
  EXPECT_NEAR(ours.loss, expected.loss, 1e-6 * expected.loss);
  EXPECT_NEAR(ours.gradient_norm, expected.gradient_norm, 1e-5 * expected.gradient_norm);
  EXPECT_LT(relative_error(with_bad->parameters().buffer(), without->parameters().buffer()), 1e-5);
  EXPECT_THAT(with_bad->bad_samples(), ElementsAre("the bad sample is damaged"));
}

TEST(BadSamples, StillCountAsConsumed) {
  const auto trainer = trainer_of(source_without(3), kTinyBatch, 1);
  EXPECT_EQ(trainer->step().consumed_samples, kTinyBatch);
}

TEST(BadSamples, BeyondTheBudgetEndTheRunBeforeTheWeightsChange) {
  const auto trainer = trainer_of(source_without(3), kTinyBatch, 0);
  const at::Tensor before = trainer->parameters().buffer().detach().clone();
  const Error error = error_of([&] { trainer->step(); });
  EXPECT_EQ(error.kind(), ExitCode::data);
  EXPECT_THAT(error.what(), HasSubstr("the bad sample is damaged"));
  EXPECT_THAT(error.hint(), HasSubstr("dataset.max_bad_samples=0"));
  EXPECT_TRUE(at::equal(trainer->parameters().buffer(), before));
  EXPECT_EQ(trainer->steps_done(), 0);
}

// An epoch and a bit: the bad sample comes again, costs no second place in the budget, and is not tried.
TEST(BadSamples, AreNotTriedAgain) {
  auto tries = std::make_shared<int>(0);
  data::SampleSource source = source_without(3);
  source.read = [read = source.read, tries](std::int64_t i) {
    try {
      return read(i);
    } catch (const Error&) {
      ++*tries;
      throw;
    }
  };
  const auto trainer = trainer_of(source, source.count(), 1);
  for (int i = 0; i < 4; ++i) trainer->step();
  EXPECT_THAT(trainer->bad_samples(), ElementsAre("the bad sample is damaged"));
  EXPECT_EQ(trainer->quarantine().size(), 1U);
  EXPECT_LE(*tries, 2);  // the step after may have been read ahead
}

TEST(BadSamples, OfAWholeStepLeaveNothingToLearnAndNoError) {
  data::SampleSource source = tiny_source();
  source.read = [](std::int64_t) -> data::Sample { throw data_error("damaged"); };
  const auto trainer = trainer_of(source, kTinyBatch, kTinyBatch);
  const StepResult result = trainer->step();
  EXPECT_EQ(result.tokens, 0);
  EXPECT_EQ(result.loss, 0);
}

}  // namespace
}  // namespace dfm::train
