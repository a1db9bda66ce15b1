#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/progress.h"
#include "support/errors.h"

namespace dfm {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

template <class Body>
std::string printed(Body&& body) {
  ::testing::internal::CaptureStderr();
  body();
  return ::testing::internal::GetCapturedStderr();
}

TEST(Progress, StylesHaveNames) {
  EXPECT_EQ(parse_progress("bar"), ProgressStyle::bar);
  EXPECT_EQ(parse_progress("lines"), ProgressStyle::lines);
  EXPECT_EQ(parse_progress("off"), ProgressStyle::silent);
}

TEST(Progress, AutoMeansLinesWhereNobodyWatches) {
  ::testing::internal::CaptureStderr();  // into a file
  EXPECT_EQ(parse_progress("auto"), ProgressStyle::lines);
  ::testing::internal::GetCapturedStderr();
}

TEST(Progress, AnUnknownStyleIsAUsageErrorThatListsTheStyles) {
  const Error error = testing::error_of([] { parse_progress("loud"); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.hint(), HasSubstr("auto, bar, lines or off"));
}

TEST(Progress, SilentPrintsNothing) {
  EXPECT_THAT(printed([] {
                Progress progress("Preparing", 3, ProgressStyle::silent);
                for (int i = 0; i < 3; ++i) progress.advance(1, "note");
              }),
              IsEmpty());
}

TEST(Progress, LinesDoNotComeAtOnce) {
  EXPECT_THAT(printed([] {
                Progress progress("Preparing", 3, ProgressStyle::lines);
                progress.advance(1);
              }),
              IsEmpty());
}

TEST(Progress, TheBarShowsTitleCountsAndNote) {
  const std::string text = printed([] {
    Progress progress("Preparing", 2, ProgressStyle::bar);
    progress.advance(1, "cat.png");
  });
  EXPECT_THAT(text, StartsWith("\r"));
  EXPECT_THAT(text, HasSubstr("Preparing [###############...............] 1/2"));
  EXPECT_THAT(text, HasSubstr("left cat.png"));
}

TEST(Progress, TheBarIsFullAndItsLineEndsAtTheEnd) {
  const std::string text = printed([] {
    Progress progress("Preparing", 1000, ProgressStyle::bar);
    for (int i = 0; i < 1000; ++i) progress.advance(1);
  });
  EXPECT_THAT(text, HasSubstr("[" + std::string(30, '#') + "] 1000/1000"));
  EXPECT_THAT(text, EndsWith("\n"));
  EXPECT_LT(std::ranges::count(text, '\r'), 1000);  // not redrawn at each step
}

TEST(Progress, ABarThatNeverMovedPrintsNothing) {
  EXPECT_THAT(printed([] { const Progress progress("Preparing", 5, ProgressStyle::bar); }), IsEmpty());
}

TEST(Progress, AnEmptyWorkAndTooManyStepsAreDrawn) {
  EXPECT_THAT(printed([] { Progress("Preparing", 0, ProgressStyle::bar).advance(0); }), HasSubstr("0/0"));
  EXPECT_THAT(printed([] { Progress("Preparing", 1, ProgressStyle::bar).advance(5); }),
              HasSubstr("[" + std::string(30, '#') + "] 5/1"));
}

}  // namespace
}  // namespace dfm
