#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/curve.h"

namespace dfm::report {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

Curve line(std::size_t count) {
  Curve curve;
  for (std::size_t i = 0; i < count; ++i) curve.push_back({static_cast<double>(i), static_cast<double>(i)});
  return curve;
}

TEST(Curve, LosesWhatCannotBeDrawn) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_THAT(drawable({{0, 1}, {1, nan}, {2, infinity}, {3, -infinity}, {4, 1e200}, {5, 2}}),
              ElementsAre(Point{0, 1}, Point{5, 2}));
}

TEST(Curve, KeepsItsSpikesWhenThinned) {
  Curve curve = line(10000);
  curve[1234].y = 1e6;
  curve[7777].y = -1e6;
  const Curve thin = thinned(curve, 600);
  EXPECT_LE(thin.size(), 600U);
  EXPECT_THAT(thin, Contains(Point{1234, 1e6}));
  EXPECT_THAT(thin, Contains(Point{7777, -1e6}));
}

TEST(Curve, KeepsTheOrderWhenThinned) {
  Curve curve = line(1001);
  for (Point& point : curve) point.y = -point.y;
  const Curve thin = thinned(curve, 10);
  EXPECT_TRUE(
      std::is_sorted(thin.begin(), thin.end(), [](const Point& a, const Point& b) { return a.x < b.x; }));
  EXPECT_EQ(thin.front(), curve.front());
  EXPECT_EQ(thin.back(), curve.back());
}

TEST(Curve, StaysAsItIsWhenShort) {
  EXPECT_EQ(thinned(line(5), 5), line(5));
  EXPECT_EQ(thinned({}, 5), Curve{});
}

TEST(SpreadIndices, HoldTheFirstAndTheLast) {
  EXPECT_THAT(spread_indices(101, 5), ElementsAre(0, 25, 50, 75, 100));
  EXPECT_THAT(spread_indices(3, 5), ElementsAre(0, 1, 2));
  EXPECT_THAT(spread_indices(0, 5), ElementsAre());
}

TEST(MeanAround, IsTheMeanOfTheWindow) {
  const Curve curve{{0, 1}, {1, 2}, {2, 6}, {3, 4}, {4, 10}};
  EXPECT_DOUBLE_EQ(mean_around(curve, 2, 3), (2 + 6 + 4) / 3.0);
  EXPECT_DOUBLE_EQ(mean_around(curve, 2, 5), (1 + 2 + 6 + 4 + 10) / 5.0);
}

TEST(MeanAround, TakesWhatThereIsAtTheEnds) {
  const Curve curve{{0, 1}, {1, 2}, {2, 6}, {3, 4}, {4, 10}};
  EXPECT_DOUBLE_EQ(mean_around(curve, 0, 3), (1 + 2) / 2.0);
  EXPECT_DOUBLE_EQ(mean_around(curve, 4, 5), (6 + 4 + 10) / 3.0);
  EXPECT_DOUBLE_EQ(mean_around({{0, 7}}, 0, 9), 7);
}

TEST(MovingMean, ForgetsASpikeOutsideTheWindow) {
  Curve curve = line(100);
  curve[10].y = 1e30;
  EXPECT_DOUBLE_EQ(moving_mean(curve, 5, 100)[50].y, 50);
}

}  // namespace
}  // namespace dfm::report
