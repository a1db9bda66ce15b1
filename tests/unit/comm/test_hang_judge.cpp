#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/hang_judge.h"

namespace dfm::comm {
namespace {

using activity::Phase;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::vector<std::string> kHosts{"alpha", "alpha", "beta"};

Beat beat(int rank, std::uint64_t progress, const std::string& waits = "", Phase phase = Phase::training) {
  return {rank, phase, 7, progress, waits};
}

TEST(HangJudge, RanksThatMoveAreNotBlamed) {
  HangJudge judge(kHosts, {10, 100, 50});
  for (int second = 0; second < 60; ++second) {
    for (int rank = 0; rank < 3; ++rank) judge.note(beat(rank, static_cast<std::uint64_t>(second)), second);
    EXPECT_EQ(judge.verdict(second), Verdict::moving);
  }
}

TEST(HangJudge, ASilentRankIsToldApartFromThoseThatWaitForIt) {
  HangJudge judge(kHosts, {10, 100, 50});
  for (int rank = 0; rank < 3; ++rank) judge.note(beat(rank, 1), 0);
  for (int second = 1; second <= 11; ++second) {
    judge.note(beat(0, 2, "all_reduce of dp"), second);
    judge.note(beat(1, 2, "all_reduce of dp"), second);
  }
  EXPECT_EQ(judge.verdict(4), Verdict::moving);
  EXPECT_EQ(judge.verdict(6), Verdict::slow);
  EXPECT_EQ(judge.verdict(11), Verdict::hanging);
  EXPECT_THAT(judge.describe(11),
              AllOf(HasSubstr("rank 2 on beta has been silent for 11 s (training, after step 7)"),
                    HasSubstr("2 ranks wait in all_reduce of dp"), Not(HasSubstr("rank 0"))));
}

TEST(HangJudge, ARankThatLivesButDoesNothingIsNamedBeforeThoseThatWait) {
  HangJudge judge(kHosts, {10, 100, 50});
  for (int second = 0; second <= 11; ++second) {
    judge.note(beat(0, 2, "barrier of world"), second);
    judge.note(beat(1, 2), second);
    judge.note(beat(2, 2, "barrier of world"), second);
  }
  EXPECT_EQ(judge.verdict(11), Verdict::hanging);
  EXPECT_THAT(judge.describe(11), HasSubstr("rank 1 on alpha has not moved"));
}

TEST(HangJudge, EachPhaseHasItsLimit) {
  const auto seconds_allowed = [](Phase phase, HangLimits limits) {
    HangJudge judge({"alpha"}, limits);
    judge.note(beat(0, 1, "", phase), 0);
    int second = 0;
    while (second < 1000 && judge.verdict(second) != Verdict::hanging) ++second;
    return second;
  };
  EXPECT_EQ(seconds_allowed(Phase::training, {10, 100, 50}), 10);
  EXPECT_EQ(seconds_allowed(Phase::saving, {10, 100, 50}), 50);
  for (const Phase phase : {Phase::starting, Phase::opening_data, Phase::loading, Phase::validation}) {
    EXPECT_EQ(seconds_allowed(phase, {10, 100, 50}), 100);
  }
  EXPECT_EQ(seconds_allowed(Phase::staging, {10, 100, 50, 200}), 200);
  EXPECT_EQ(seconds_allowed(Phase::training, {0, 100, 50}), 1000);
}

TEST(HangJudge, WithALimitOfSilenceAloneARankMayBeBusyForAnyTime) {
  HangJudge judge({"alpha", "beta"}, {.step = 0, .startup = 0, .save = 0, .staging = 0, .silence = 20});
  judge.note(beat(0, 1), 0);
  for (int second = 0; second <= 500; ++second)
    judge.note(beat(1, 1, "barrier of world", Phase::starting), second);
  EXPECT_EQ(judge.verdict(15), Verdict::slow);
  EXPECT_EQ(judge.verdict(25), Verdict::hanging);
  EXPECT_THAT(judge.describe(25), HasSubstr("rank 0 on alpha has been silent for 25 s"));
  for (int second = 26; second <= 500; ++second) judge.note(beat(0, 1), second);
  EXPECT_EQ(judge.verdict(500), Verdict::moving);
}

TEST(HangJudge, SlowStepsRaiseTheLimitOfSteps) {
  HangJudge judge({"alpha"}, {10, 100, 50});
  for (int step = 1; step <= 4; ++step) {
    judge.note({0, Phase::training, step, static_cast<std::uint64_t>(step), ""}, step * 9.0);
  }
  EXPECT_NE(judge.verdict(36 + 80), Verdict::hanging);
  EXPECT_EQ(judge.verdict(36 + 91), Verdict::hanging);
}

TEST(HangJudge, WhoLeftInOrderOrWasNeverHeardOfIsNotMissed) {
  HangJudge judge(kHosts, {10, 100, 50});
  judge.note(beat(0, 1), 0);
  judge.note(beat(99, 1), 0);
  judge.forget(0);
  EXPECT_EQ(judge.verdict(1000), Verdict::moving);
}

TEST(HangJudge, TimeInWhichTheJudgeWasStoppedDoesNotCount) {
  HangJudge judge(kHosts, {10, 100, 50});
  judge.note(beat(0, 1), 0);
  judge.forgive(1000);
  EXPECT_EQ(judge.verdict(1004), Verdict::moving);
}

}  // namespace
}  // namespace dfm::comm
