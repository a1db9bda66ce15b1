#include "report/html_report.h"

#include <algorithm>

#include <fmt/core.h>

#include "core/file.h"
#include "core/units.h"
#include "report/key_figures.h"
#include "report/training_charts.h"

namespace dfm::report {
namespace {

std::string tiles_html(const std::vector<KeyFigure>& figures) {
  if (figures.empty()) return "";
  std::string tiles;
  for (const KeyFigure& figure : figures) {
    tiles += fmt::format("<div class=\"tile card\"><p>{}</p><p class=\"figure\">{}</p><p>{}</p></div>\n",
                         escape_html(figure.name), escape_html(figure.value), escape_html(figure.note));
  }
  return fmt::format("<div class=\"tiles\">\n{}</div>\n", tiles);
}

std::string charts_html(const MetricsHistory& metrics) {
  std::string charts;
  for (const Chart& chart : training_charts(metrics)) charts += render_chart(chart);
  return fmt::format("<div class=\"charts\">\n{}</div>\n", charts);
}

std::string pictures_by_step_html(std::vector<PicturesOfStep> groups) {
  std::stable_sort(groups.begin(), groups.end(),
                   [](const auto& a, const auto& b) { return a.step > b.step; });
  std::string html;
  for (const PicturesOfStep& group : groups) {
    if (group.pictures.empty()) continue;
    html += fmt::format("<h3>Step {}</h3>\n{}", format_count(group.step), pictures_html(group.pictures));
  }
  return html;
}

}  // namespace

std::string render_report(const ReportPage& page) {
  const std::string body = tiles_html(key_figures(page.metrics)) + facts_html(page.facts) +
                           section_html("Curves", charts_html(page.metrics)) +
                           section_html("Samples", pictures_html(page.samples)) +
                           section_html("Validation images", pictures_by_step_html(page.validation_pictures));
  return page_html("dfm training report", page.title, body);
}

void write_report(const std::filesystem::path& path, const ReportPage& page) {
  write_durably(path, render_report(page));
}

}  // namespace dfm::report
