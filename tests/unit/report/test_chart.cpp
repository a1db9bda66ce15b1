#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/chart.h"

namespace dfm::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Chart chart_of(const Series& series) {
  Chart chart;
  chart.title = "Loss";
  chart.size = {400, 200};
  chart.x = step_axis({0, 100}, 5);
  chart.y = linear_axis({0, 10}, 5);
  chart.series = {series};
  return chart;
}

// The formula of an axis, written out: left + (x - low) / (high - low) * width, and y from the bottom
// upwards.
std::string expected_points(const PlotArea& area, const Curve& curve) {
  std::string text;
  for (const Point& point : curve) {
    const double x = area.left + (point.x - 0) / (100 - 0) * (area.right - area.left);
    const double y = area.bottom - (point.y - 0) / (10 - 0) * (area.bottom - area.top);
    text += fmt::format("{}{:.1f},{:.1f}", text.empty() ? "" : " ", x, y);
  }
  return fmt::format("<polyline points=\"{}\"/>", text);
}

TEST(Chart, DrawsACurveWhereItsAxesSay) {
  const Curve curve{{0, 0}, {25, 7}, {50, 2.5}, {100, 10}};
  EXPECT_THAT(render_chart(chart_of({.name = "a", .points = curve})),
              HasSubstr(expected_points(plot_area({400, 200}), curve)));
}

TEST(Chart, DrawsOnALogarithmicAxis) {
  Chart chart = chart_of({.name = "a", .points = {{0, 0.1}, {50, 1}, {100, 10}}});
  chart.y = logarithmic_axis({0.1, 10});
  const PlotArea area = plot_area(chart.size);
  const auto expected =
      fmt::format("{:.1f},{:.1f} {:.1f},{:.1f} {:.1f},{:.1f}", area.left, area.bottom,
                  (area.left + area.right) / 2, (area.top + area.bottom) / 2, area.right, area.top);
  EXPECT_THAT(render_chart(chart), HasSubstr(expected));
}

TEST(Chart, MovesWhatLiesOutsideToItsEdge) {
  const Chart chart = chart_of({});
  const PlotArea area = plot_area(chart.size);
  EXPECT_EQ(area.to_pixels(chart, {-50, 99}), (Point{area.left, area.top}));
}

TEST(Chart, TellsTheValueOfADot) {
  EXPECT_THAT(render_chart(chart_of({.name = "validation", .mark = Mark::dots, .points = {{50, 2.5}}})),
              HasSubstr("<title>validation, step 50: 2.5</title>"));
}

TEST(Chart, LabelsItsTicks) {
  const std::string svg = render_chart(chart_of({.name = "a", .points = {{0, 0}}}));
  for (const char* label : {">20<", ">100<", ">4<", ">10<", ">step<"}) EXPECT_THAT(svg, HasSubstr(label));
}

TEST(Chart, DividesItsWidthAmongTheReadouts) {
  Chart chart = chart_of({.name = "a", .points = {{0, 0}, {100, 10}}});
  chart.readouts = {{{0, 0}, "first"}, {{50, 5}, "second"}, {{100, 10}, "third"}};
  const PlotArea area = plot_area(chart.size);
  const double quarter = (area.right - area.left) / 4;
  EXPECT_THAT(render_chart(chart),
              HasSubstr(fmt::format("<title>second</title><rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\"",
                                    area.left + quarter, area.top, 2 * quarter)));
}

TEST(Chart, SaysThatThereIsNothingYet) {
  const std::string html = render_chart(chart_of({.name = "a"}));
  EXPECT_THAT(html, HasSubstr("Nothing recorded yet."));
  EXPECT_THAT(html, Not(HasSubstr("<svg")));
}

TEST(Chart, EscapesItsTexts) {
  Chart chart = chart_of({.name = "<i>", .mark = Mark::dots, .points = {{0, 0}}});
  chart.title = chart.unit = chart.note = "<b>";
  chart.readouts = {{{0, 0}, "<u>"}};
  const std::string html = render_chart(chart);
  for (const char* raw : {"<b>", "<u>", "<i>"}) EXPECT_THAT(html, Not(HasSubstr(raw)));
}

}  // namespace
}  // namespace dfm::report
