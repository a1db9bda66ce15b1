#include <limits>

#include <gtest/gtest.h>

#include "report/number_text.h"

namespace dfm::report {
namespace {

TEST(ShortNumber, HasFourDigits) {
  EXPECT_EQ(short_number(0), "0");
  EXPECT_EQ(short_number(0.25), "0.25");
  EXPECT_EQ(short_number(0.123456), "0.1235");
  EXPECT_EQ(short_number(-1234.56), "-1235");
}

TEST(ShortNumber, HasAUnitWhenLarge) {
  EXPECT_EQ(short_number(9999.4), "9999");
  EXPECT_EQ(short_number(9999.6), "10k");
  EXPECT_EQ(short_number(12345), "12.35k");
  EXPECT_EQ(short_number(1.5e6), "1.5M");
  EXPECT_EQ(short_number(2e13), "20T");
}

TEST(ShortNumber, HasAnExponentWhenSmallOrHuge) {
  EXPECT_EQ(short_number(1e-4), "1e-4");
  EXPECT_EQ(short_number(-1.25e-5), "-1.25e-5");
  EXPECT_EQ(short_number(9.9999e-5), "1e-4");
  EXPECT_EQ(short_number(1e20), "1e20");
}

TEST(ShortNumber, SaysWhatIsNotFinite) {
  EXPECT_EQ(short_number(std::numeric_limits<double>::infinity()), "not finite");
  EXPECT_EQ(short_number(std::numeric_limits<double>::quiet_NaN()), "not finite");
}

TEST(TickLabel, HasTheDecimalsOfTheStep) {
  EXPECT_EQ(tick_label(0.1, 0.05, 0.2), "0.10");
  EXPECT_EQ(tick_label(2, 1, 4), "2");
  EXPECT_EQ(tick_label(0, 0.05, 0.2), "0");
}

TEST(TickLabel, HasTheUnitOfTheAxis) {
  EXPECT_EQ(tick_label(5000, 5000, 20000), "5k");
  EXPECT_EQ(tick_label(500000, 500000, 2e6), "0.5M");
}

TEST(TickLabel, HasAnExponentOnAnAxisOfSmallValues) {
  EXPECT_EQ(tick_label(2e-5, 2e-5, 1e-4), "2e-5");
  EXPECT_EQ(tick_label(1e-4, 2e-5, 1e-4), "1e-4");
}

TEST(StepText, SurvivesWhatIsNoStep) {
  EXPECT_EQ(step_text(12000), "12,000");
  EXPECT_EQ(step_text(1e99), "9,000,000,000,000,000,000");
}

}  // namespace
}  // namespace dfm::report
