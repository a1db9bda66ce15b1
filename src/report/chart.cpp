#include "report/chart.h"

#include <algorithm>
#include <string_view>

#include <fmt/core.h>

#include "report/html.h"
#include "report/number_text.h"

namespace dfm::report {
namespace {

std::string_view class_of(Mark mark) {
  switch (mark) {
    case Mark::thin_line:
      return "thin";
    case Mark::line:
      return "line";
    case Mark::dots:
      return "dots";
  }
  return "line";
}

std::string legend_html(const std::vector<Series>& series) {
  if (series.size() < 2) return "";
  std::string entries;
  for (const Series& each : series) {
    entries += fmt::format("<span><i class=\"{} c{}\"></i>{}</span>", class_of(each.mark), each.color,
                           escape_html(each.name));
  }
  return fmt::format("<span class=\"legend\">{}</span>", entries);
}

std::string y_ticks_svg(const Chart& chart, const PlotArea& area) {
  std::string svg;
  for (const Tick& tick : chart.y.ticks) {
    const double y = area.to_pixels(chart, {chart.x.low, tick.value}).y;
    svg += fmt::format("<line class=\"grid\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>",
                       area.left, area.right, y, y);
    svg += fmt::format("<text text-anchor=\"end\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", area.left - 8,
                       y + 4, tick.label);
  }
  return svg;
}

std::string x_ticks_svg(const Chart& chart, const PlotArea& area) {
  std::string svg =
      fmt::format("<line class=\"base\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>\n",
                  area.left, area.right, area.bottom, area.bottom);
  const double baseline = area.bottom + 18;
  svg += fmt::format("<text text-anchor=\"end\" x=\"{:.1f}\" y=\"{:.1f}\">step</text>\n", area.left - 8,
                     baseline);
  for (const Tick& tick : chart.x.ticks) {
    const double x = area.to_pixels(chart, {tick.value, chart.y.low}).x;
    svg += fmt::format("<line class=\"base\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>", x, x,
                       area.bottom, area.bottom + 4);
    svg += fmt::format("<text text-anchor=\"middle\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", x, baseline,
                       tick.label);
  }
  return svg;
}

std::string series_svg(const Chart& chart, const PlotArea& area, const Series& series) {
  std::string corners;
  std::string circles;
  for (const Point& point : series.points) {
    const Point pixel = area.to_pixels(chart, point);
    corners += fmt::format("{}{:.1f},{:.1f}", corners.empty() ? "" : " ", pixel.x, pixel.y);
    if (series.mark != Mark::dots) continue;
    circles +=
        fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\"><title>{}, step {}: {}</title></circle>\n",
                    pixel.x, pixel.y, escape_html(series.name), step_text(point.x), short_number(point.y));
  }
  return fmt::format("<g class=\"{} c{}\"><polyline points=\"{}\"/>\n{}</g>\n", class_of(series.mark),
                     series.color, corners, circles);
}

// The strip of the plot from half-way to the neighbour before to half-way to the one after.
std::string readout_svg(const Chart& chart, const PlotArea& area, std::size_t index) {
  const auto pixel_of = [&](std::size_t i) { return area.to_pixels(chart, chart.readouts[i].at); };
  const Point pixel = pixel_of(index);
  const double from = index == 0 ? area.left : (pixel_of(index - 1).x + pixel.x) / 2;
  const double to = index + 1 == chart.readouts.size() ? area.right : (pixel.x + pixel_of(index + 1).x) / 2;
  const std::string text = escape_html(chart.readouts[index].text);
  return fmt::format(
      "<g class=\"readout\"><title>{0}</title><rect x=\"{1:.1f}\" y=\"{2:.1f}\" width=\"{3:.1f}\" "
      "height=\"{4:.1f}\"/>"
      "<line x1=\"{5:.1f}\" x2=\"{5:.1f}\" y1=\"{2:.1f}\" y2=\"{6:.1f}\"/><circle cx=\"{5:.1f}\" "
      "cy=\"{7:.1f}\" r=\"4\"/>"
      "<text x=\"{8:.1f}\" y=\"{9:.1f}\">{0}</text></g>\n",
      text, from, area.top, std::max(to - from, 0.0), area.bottom - area.top, pixel.x, area.bottom, pixel.y,
      area.right, area.top - 10);
}

std::string plot_svg(const Chart& chart) {
  const PlotArea area = plot_area(chart.size);
  std::string svg = fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n",
                                chart.size.width, chart.size.height, escape_html(chart.title));
  svg += y_ticks_svg(chart, area) + x_ticks_svg(chart, area);
  for (const Series& series : chart.series) {
    if (series.mark != Mark::dots) svg += series_svg(chart, area, series);
  }
  for (std::size_t i = 0; i < chart.readouts.size(); ++i) svg += readout_svg(chart, area, i);
  // Above the strips, so that the dots' own titles are within reach of the pointer.
  for (const Series& series : chart.series) {
    if (series.mark == Mark::dots) svg += series_svg(chart, area, series);
  }
  return svg + "</svg>\n";
}

bool is_empty(const Chart& chart) {
  return std::all_of(chart.series.begin(), chart.series.end(),
                     [](const Series& each) { return each.points.empty(); });
}

}  // namespace

Point PlotArea::to_pixels(const Chart& chart, const Point& point) const {
  const double along = std::clamp(chart.x.position(point.x), 0.0, 1.0);
  const double up = std::clamp(chart.y.position(point.y), 0.0, 1.0);
  return {left + along * (right - left), bottom - up * (bottom - top)};
}

PlotArea plot_area(ChartSize size) {
  return {.left = 58, .top = 28, .right = size.width - 20, .bottom = size.height - 28};
}

std::string render_chart(const Chart& chart) {
  const std::string unit =
      chart.unit.empty() ? "" : fmt::format(" <span class=\"unit\">{}</span>", escape_html(chart.unit));
  const std::string note =
      chart.note.empty() ? "" : fmt::format("<p class=\"note\">{}</p>\n", escape_html(chart.note));
  return fmt::format(
      "<figure class=\"chart card{}\">\n<figcaption><h3>{}{}</h3>{}</figcaption>\n{}{}</figure>\n",
      chart.size.width == kWideChart.width ? " wide" : "", escape_html(chart.title), unit,
      is_empty(chart) ? "" : legend_html(chart.series),
      is_empty(chart) ? "<p class=\"empty\">Nothing recorded yet.</p>\n" : plot_svg(chart), note);
}

}  // namespace dfm::report
