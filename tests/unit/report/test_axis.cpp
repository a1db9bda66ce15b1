#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/axis.h"

namespace dfm::report {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> labels(const Axis& axis) {
  std::vector<std::string> texts;
  for (const Tick& tick : axis.ticks) texts.push_back(tick.label);
  return texts;
}

TEST(Axis, MapsLinearlyBetweenItsEnds) {
  const Axis axis{Axis::Scale::linear, 10, 30, {}};
  EXPECT_DOUBLE_EQ(axis.position(10), 0);
  EXPECT_DOUBLE_EQ(axis.position(15), 0.25);
  EXPECT_DOUBLE_EQ(axis.position(30), 1);
}

TEST(Axis, MapsByLogarithmsBetweenItsEnds) {
  const Axis axis{Axis::Scale::logarithmic, 0.01, 100, {}};
  EXPECT_DOUBLE_EQ(axis.position(0.01), 0);
  EXPECT_NEAR(axis.position(1), 0.5, 1e-15);
  EXPECT_NEAR(axis.position(10), 0.75, 1e-15);
}

TEST(LinearAxis, RoundsItsEndsToTicks) {
  EXPECT_THAT(labels(linear_axis({0.13, 0.87}, 5)), ElementsAre("0", "0.2", "0.4", "0.6", "0.8", "1.0"));
  EXPECT_THAT(labels(linear_axis({-3, 4}, 4)), ElementsAre("-4", "-2", "0", "2", "4"));
}

TEST(LinearAxis, KeepsEndsThatAreRound) {
  const Axis axis = linear_axis({0, 1e-4}, 5);
  EXPECT_EQ(axis.low, 0);
  EXPECT_DOUBLE_EQ(axis.high, 1e-4);
  EXPECT_THAT(labels(axis), ElementsAre("0", "2e-5", "4e-5", "6e-5", "8e-5", "1e-4"));
}

TEST(LinearAxis, HasAnExtentForConstantData) {
  for (const double value : {0.0, 5.0, -5.0, 1e100, 1e-310}) {
    const Axis axis = linear_axis({value, value}, 5);
    EXPECT_LT(axis.low, axis.high) << value;
    EXPECT_GE(axis.ticks.size(), 2U) << value;
    EXPECT_LE(axis.ticks.size(), 12U) << value;
  }
}

TEST(StepAxis, EndsWithTheDataAndTicksAtWholeSteps) {
  const Axis axis = step_axis({1, 4}, 8);
  EXPECT_EQ(axis.low, 1);
  EXPECT_EQ(axis.high, 4);
  EXPECT_THAT(labels(axis), ElementsAre("1", "2", "3", "4"));
  EXPECT_THAT(labels(step_axis({1, 12000}, 6)), ElementsAre("2k", "4k", "6k", "8k", "10k", "12k"));
}

TEST(LogarithmicAxis, TicksAtOneTwoFive) {
  EXPECT_THAT(labels(logarithmic_axis({0.06, 1.7})), ElementsAre("0.05", "0.1", "0.2", "0.5", "1", "2"));
}

TEST(LogarithmicAxis, TicksAtDecadesOfAWideRange) {
  EXPECT_THAT(labels(logarithmic_axis({0.5, 3000})), ElementsAre("0.1", "1", "10", "100", "1000", "10k"));
}

TEST(LogarithmicAxis, CoversExtremesWithFewTicks) {
  const Axis axis = logarithmic_axis({1e-100, 1e100});
  EXPECT_LE(axis.low, 1e-100 * (1 + 1e-9));
  EXPECT_GE(axis.high, 1e100 * (1 - 1e-9));
  EXPECT_TRUE(std::isfinite(axis.high));
  EXPECT_LE(axis.ticks.size(), 12U);
}

TEST(FittingAxis, IsLogarithmicForATenfoldSpan) {
  EXPECT_EQ(fitting_axis({0.1, 0.9}, 5).scale, Axis::Scale::linear);
  EXPECT_EQ(fitting_axis({0.1, 1.0}, 5).scale, Axis::Scale::logarithmic);
}

TEST(FittingAxis, IsLinearWhereALogarithmCannotBe) {
  EXPECT_EQ(fitting_axis({0, 100}, 5).scale, Axis::Scale::linear);
  EXPECT_EQ(fitting_axis({-1, 100}, 5).scale, Axis::Scale::linear);
}

}  // namespace
}  // namespace dfm::report
