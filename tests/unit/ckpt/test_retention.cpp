#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ckpt/retention.h"

namespace dfm::ckpt {
namespace {

using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const std::vector<std::int64_t> kSteps{10, 50, 30, 20, 40};

TEST(Retention, KeepsTheNewest) {
  EXPECT_THAT(dispensable(kSteps, {.most_recent = 2}), UnorderedElementsAre(10, 20, 30));
  EXPECT_THAT(dispensable(kSteps, {.most_recent = 5}), IsEmpty());
}

TEST(Retention, KeepsAllUnlessANumberIsGiven) { EXPECT_THAT(dispensable(kSteps, {.every = 20}), IsEmpty()); }

TEST(Retention, NeverGivesUpTheLast) {
  EXPECT_THAT(dispensable(kSteps, {.most_recent = 0}), UnorderedElementsAre(10, 20, 30, 40));
  EXPECT_THAT(dispensable({7}, {.most_recent = 0}), IsEmpty());
  EXPECT_THAT(dispensable({}, {.most_recent = 0}), IsEmpty());
}

TEST(Retention, KeepsEveryStepThatIsDivided) {
  EXPECT_THAT(dispensable(kSteps, {.most_recent = 1, .every = 20}), UnorderedElementsAre(10, 30));
}

}  // namespace
}  // namespace dfm::ckpt
