#include <gtest/gtest.h>

#include "train/step_feed.h"
#include "unit/train/one_rank.h"
#include "unit/train/tiny_training.h"

namespace dfm::train {
namespace {

struct FeedOfSteps : ::testing::Test {
  StepFeed feed(data::SampleSource source = tiny_source()) {
    const comm::GridGroups& groups = dfm::testing::one_rank_groups();
    return StepFeed(reader(source, tiny_reader_settings(groups.data)), groups.replica,
                    [this](const std::vector<data::PositionedSample>& pack) {
                      made.push_back(pack.front().position);
                      if (is_out_of_memory) throw std::runtime_error("no memory");
                      return pack_tensors(pack, {}, tiny_model().patches);
                    });
  }

  std::vector<std::int64_t> made;  // first positions of the packs, in order
  bool is_out_of_memory = false;
};

std::vector<at::Tensor> noises(StepFeed& feed, std::int64_t position) {
  StepFeed::Work work = feed.take(position);
  std::vector<at::Tensor> all;
  for (std::size_t i = 0; i < work.batch.packs.size(); ++i) all.push_back(feed.tensors(work, i).noise);
  return all;
}

bool are_equal(const std::vector<at::Tensor>& left, const std::vector<at::Tensor>& right) {
  return std::ranges::equal(left, right, [](const auto& a, const auto& b) { return at::equal(a, b); });
}

TEST_F(FeedOfSteps, GivesWhatWasPreparedAsIfItHadNotBeen) {
  StepFeed prepared = feed(), plain = feed();
  prepared.prepare(kTinyBatch);
  const auto expected = noises(plain, kTinyBatch);
  ASSERT_GT(expected.size(), 1U);
  EXPECT_TRUE(are_equal(noises(prepared, kTinyBatch), expected));
}

TEST_F(FeedOfSteps, MakesTheTensorsOfAPreparedPackOnce) {
  StepFeed steps = feed();
  steps.prepare(0);
  ASSERT_EQ(made.size(), 1U);
  const std::size_t packs = noises(steps, 0).size();
  EXPECT_EQ(made.size(), packs);
}

TEST_F(FeedOfSteps, GivesTheStepThatIsAskedForWhateverWasPrepared) {
  StepFeed steps = feed(), plain = feed();
  steps.prepare(0);
  EXPECT_TRUE(are_equal(noises(steps, 2 * kTinyBatch), noises(plain, 2 * kTinyBatch)));
}

TEST_F(FeedOfSteps, LeavesOutOfAForgottenStepWhatMayNotBeRead) {
  StepFeed steps = feed();
  steps.prepare(0);
  const StepFeed::Work before = steps.take(0);
  steps.prepare(0);
  const std::vector<std::int64_t> bad{before.batch.packs.front().front().number};
  steps.reader().leave_out(bad);
  steps.forget();
  const StepFeed::Work after = steps.take(0);
  for (const auto& pack : after.batch.packs) {
    for (const auto& sample : pack) EXPECT_NE(sample.number, bad.front());
  }
}

TEST_F(FeedOfSteps, ThrowsWhenAskedForAStepWhatHinderedItsPreparation) {
  data::SampleSource source = tiny_source();
  source.read = [](std::int64_t) -> data::Sample { throw std::runtime_error("a mistake"); };
  StepFeed steps = feed(source);
  EXPECT_NO_THROW(steps.prepare(0));
  EXPECT_THROW(steps.take(0), std::exception);
}

// Ranks that share the samples read them together, and one of them alone may lack memory.
TEST_F(FeedOfSteps, DoesNotReadAgainWhatCouldOnlyNotBeMadeIntoTensors) {
  StepFeed steps = feed(), plain = feed();
  is_out_of_memory = true;
  EXPECT_NO_THROW(steps.prepare(0));
  StepFeed::Work expected = plain.take(0);
  steps.reader().leave_out(std::vector{expected.batch.packs.front().front().number});  // were it read now
  StepFeed::Work work = steps.take(0);
  EXPECT_EQ(work.batch.packs.front().front().number, expected.batch.packs.front().front().number);
  EXPECT_THROW(steps.tensors(work, 0), std::exception);
  is_out_of_memory = false;
  EXPECT_EQ(steps.tensors(work, 0).latent.size(0), plain.tensors(expected, 0).latent.size(0));
}

}  // namespace
}  // namespace dfm::train
