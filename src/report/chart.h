// A line chart as inline SVG in a card with title and legend. Resting the pointer on a place shows its
// values.
//
//   Chart chart{.title = "Loss", .size = kWideChart, .x = step_axis({0, 100}, 8), .y = fitting_axis({0.1, 2},
//   6)}; chart.series.push_back({.name = "each step", .mark = Mark::thin_line, .points = curve}); page +=
//   render_chart(chart);
#pragma once

#include <string>
#include <vector>

#include "report/axis.h"
#include "report/curve.h"

namespace dfm::report {

enum class Mark { thin_line, line, dots };  // dots are joined by a line

struct Series {
  std::string name = {};
  Mark mark = Mark::line;
  int color = 1;      // 1 to 6 of the style's palette
  Curve points = {};  // drawable, in the order of x
};

// What a place on the x axis shows: a text, and a dot on the curve.
struct Readout {
  Point at;
  std::string text;
};

struct ChartSize {
  double width = 0, height = 0;  // CSS pixels
};

constexpr ChartSize kWideChart{1006, 330};
constexpr ChartSize kLowChart{1006, 220};
constexpr ChartSize kHalfChart{478, 220};

struct Chart {
  std::string title;
  std::string unit;  // of y, after the title; may be empty
  std::string note;  // a sentence below; may be empty
  ChartSize size = kHalfChart;
  Axis x, y;
  std::vector<Series> series;
  std::vector<Readout> readouts;  // in the order of x
};

// Where the curves are drawn within the SVG: x runs over [left, right], y upwards from bottom to top.
struct PlotArea {
  double left = 0, top = 0, right = 0, bottom = 0;

  // A point of the data in pixels: left + position(x) * (right - left), bottom - position(y) * (bottom -
  // top); what lies outside an axis is moved to its end.
  Point to_pixels(const Chart& chart, const Point& point) const;
};

PlotArea plot_area(ChartSize size);

std::string render_chart(const Chart& chart);

}  // namespace dfm::report
