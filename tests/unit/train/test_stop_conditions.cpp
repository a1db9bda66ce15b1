// Each test that may set the stop token has a process of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/stop_token.h"
#include "support/child_process.h"
#include "train/stop_conditions.h"

namespace dfm::train {
namespace {

using dfm::testing::run_in_child;
using dfm::testing::TemporaryFolder;

std::optional<StopConditions::Wall::time_point> job_that_ends_in(int seconds) {
  return StopConditions::Wall::now() + std::chrono::seconds(seconds);
}

// The reason for which a run stops; empty: it goes on.
std::string stop_reason(const std::function<void()>& body) {
  return run_in_child([&] {
           body();
           std::fputs(StopToken::reason().c_str(), stderr);
           return 0;
         })
      .standard_error;
}

TEST(StopConditions, ARunWithoutALimitGoesOn) {
  EXPECT_EQ(stop_reason([] { StopConditions({}, std::nullopt).check(true); }), "");
}

TEST(StopConditions, TheSlurmLimitIsKeptByStepsSaveAndMargin) {
  const auto reason_with = [](int seconds, bool validates) {
    return stop_reason([&] {
      StopConditions stop({.halt_file = {}, .minutes = {}, .margin_seconds = 100}, job_that_ends_in(seconds));
      stop.note_step(30);
      stop.note_step(10);
      stop.note_save(200);
      stop.note_validation(500);
      stop.check(validates);
    });
  };
  // 100 + 2 * 30 + 200 = 360, and 500 for a validation.
  EXPECT_EQ(reason_with(380, false), "");
  EXPECT_EQ(reason_with(350, false), "the Slurm time limit");
  EXPECT_EQ(reason_with(380, true), "the Slurm time limit");
  EXPECT_EQ(reason_with(880, true), "");
}

TEST(StopConditions, OldStepsAreForgotten) {
  EXPECT_EQ(stop_reason([] {
              StopConditions stop({.halt_file = {}, .minutes = {}, .margin_seconds = 0},
                                  job_that_ends_in(60));
              stop.note_step(1000);
              for (int i = 0; i < 40; ++i) stop.note_step(1);
              stop.check(false);
            }),
            "");
}

TEST(StopConditions, MinutesCountFromTheStart) {
  EXPECT_EQ(stop_reason([] { StopConditions({.halt_file = {}, .minutes = 1.0}, std::nullopt).check(false); }),
            "");
  EXPECT_EQ(stop_reason([] {
              StopConditions stop({.halt_file = {}, .minutes = 1.0}, std::nullopt);
              stop.note_save(61);
              stop.check(false);
            }),
            "train.exit_duration_in_mins");
}

TEST(StopConditions, AHaltFileThatAppearsStopsTheRun) {
  const TemporaryFolder folder;
  EXPECT_EQ(stop_reason([&] {
              StopConditions stop({.halt_file = folder / "HALT"}, std::nullopt);
              folder.write("HALT", "");
              stop.check(false);
            }),
            "the HALT file");
}

TEST(StopConditions, AHaltFileThatIsThereForbidsTheStart) {
  const TemporaryFolder folder;
  folder.write("HALT", "");
  try {
    StopConditions({.halt_file = folder / "HALT"}, std::nullopt);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ExitCode::usage);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("HALT"));
    EXPECT_THAT(error.hint(), ::testing::HasSubstr("remove"));
  }
}

}  // namespace
}  // namespace dfm::train
