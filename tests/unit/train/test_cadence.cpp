#include <gtest/gtest.h>

#include "train/cadence.h"

namespace dfm::train {
namespace {

TEST(Cadence, ByStepsIsEveryMultiple) {
  const Cadence every_third{.steps = 3};
  for (const std::int64_t step : {3, 6, 300}) EXPECT_TRUE(is_due_at(step, every_third));
  for (const std::int64_t step : {1, 2, 4}) EXPECT_FALSE(is_due_at(step, every_third));
  EXPECT_FALSE(is_due_at(3, {}));
}

TEST(Cadence, ByMinutesIsOnceTheyHavePassed) {
  const Cadence half_a_minute{.minutes = 0.5};
  EXPECT_FALSE(is_due_by_clock(half_a_minute, 29.9, 1));
  EXPECT_TRUE(is_due_by_clock(half_a_minute, 30, 1));
  EXPECT_FALSE(is_due_by_clock({}, 1e9, 1));
}

TEST(Cadence, ByOverheadIsWhenTheLastSaveIsASmallShareOfTheTimeSince) {
  const Cadence one_percent{.max_overhead = 0.01};
  EXPECT_FALSE(is_due_by_clock(one_percent, 99, 1));
  EXPECT_TRUE(is_due_by_clock(one_percent, 100, 1));
  EXPECT_TRUE(is_due_by_clock(one_percent, 0.1, {}));  // the first one, to learn its cost
}

TEST(SaveCost, IsTheTimeStoodStillAndTheSlownessOfTheStepsBesideIt) {
  SaveCost cost;
  EXPECT_FALSE(cost.last());
  for (int i = 0; i < 5; ++i) cost.add_step(2, false);
  cost.begin();
  cost.add_blocked(0.5);
  cost.add_step(3, true);
  cost.add_step(1.5, true);  // a faster step takes nothing back
  EXPECT_FALSE(cost.last());
  cost.finish();
  EXPECT_DOUBLE_EQ(cost.last().value(), 1.5);
}

TEST(SaveCost, BeginsAnewWithEachSave) {
  SaveCost cost;
  for (const double blocked : {3.0, 1.0}) {
    cost.begin();
    cost.add_blocked(blocked);
    cost.finish();
  }
  EXPECT_DOUBLE_EQ(cost.last().value(), 1);
}

}  // namespace
}  // namespace dfm::train
