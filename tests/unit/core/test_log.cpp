#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/log.h"
#include "support/errors.h"

namespace dfm::log {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Puts the logger back as programs find it.
class Log : public ::testing::Test {
 protected:
  ~Log() override { set_up({}, Level::info); }

  template <class Body>
  static std::string printed(Body&& body) {
    ::testing::internal::CaptureStderr();
    body();
    return ::testing::internal::GetCapturedStderr();
  }
};

TEST_F(Log, LevelsHaveNames) {
  EXPECT_EQ(parse_level("debug"), Level::debug);
  EXPECT_EQ(parse_level("info"), Level::info);
  EXPECT_EQ(parse_level("warning"), Level::warning);
  EXPECT_EQ(parse_level("error"), Level::error);
  EXPECT_EQ(parse_level("off"), Level::off);
}

TEST_F(Log, AnUnknownLevelIsAUsageErrorThatListsTheLevels) {
  for (const char* const text : {"", "INFO", "loud", "warn"}) {
    const Error error = testing::error_of([&] { parse_level(text); });
    EXPECT_EQ(error.kind(), ExitCode::usage);
    EXPECT_THAT(error.hint(), HasSubstr("debug, info, warning, error or off"));
  }
}

TEST_F(Log, InfoIsPrintedByRankZeroOnly) {
  set_up({"dfm_test", "node7", 0, 4}, Level::debug);
  EXPECT_THAT(printed([] { info("loss {}", 0.5); }), ContainsRegex("^[0-9:]{8} loss 0.5\n$"));
  set_up({"dfm_test", "node7", 3, 4}, Level::debug);
  EXPECT_THAT(printed([] { info("loss {}", 0.5); }), IsEmpty());
  EXPECT_THAT(printed([] { debug("detail"); }), IsEmpty());
}

TEST_F(Log, WarningsAndErrorsNameTheRankAndItsHost) {
  set_up({"dfm_test", "node7", 3, 4}, Level::info);
  EXPECT_THAT(printed([] { warn("slow"); }), ContainsRegex("^[0-9:]{8} .rank 3 on node7. warning: slow\n$"));
  EXPECT_THAT(printed([] { error("gone"); }), ContainsRegex("^[0-9:]{8} .rank 3 on node7. error: gone\n$"));
}

TEST_F(Log, AWorldOfOneDoesNotNameItsRank) {
  set_up({"dfm_test", "node7", 0, 1}, Level::info);
  EXPECT_THAT(printed([] { warn("slow"); }), Not(HasSubstr("rank")));
}

TEST_F(Log, PrintsItsLevelAndWhatIsGraver) {
  const auto all = [] {
    debug("one");
    info("two");
    warn("three");
    error("four");
  };
  const auto lines = [&](Level level) {
    set_up({}, level);
    return std::ranges::count(printed(all), '\n');
  };
  EXPECT_EQ(lines(Level::debug), 4);
  EXPECT_EQ(lines(Level::info), 3);
  EXPECT_EQ(lines(Level::warning), 2);
  EXPECT_EQ(lines(Level::error), 1);
  EXPECT_EQ(lines(Level::off), 0);
}

TEST_F(Log, BracesInALineAreNotAFormat) {
  EXPECT_THAT(printed([] { write(Level::error, "{} {not a format}"); }), HasSubstr("{} {not a format}"));
}

}  // namespace
}  // namespace dfm::log
