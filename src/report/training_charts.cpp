#include "report/training_charts.h"

#include <algorithm>
#include <functional>

#include <fmt/core.h>

#include "core/units.h"
#include "report/number_text.h"

namespace dfm::report {
namespace {

constexpr std::size_t kMostPoints = 600;
constexpr std::size_t kMostDots = 200;
constexpr std::size_t kMostReadouts = 120;
constexpr std::size_t kFewPoints = 30;  // so few are drawn as dots, and not smoothed
constexpr int kPaletteSize = 6;

enum class YRange { fitted, from_zero };

template <class T, class Value>
Curve curve_of(const std::vector<T>& records, Value value) {
  Curve curve;
  for (const T& record : records) {
    curve.push_back({static_cast<double>(record.iteration), std::invoke(value, record)});
  }
  return curve;
}

// The moving mean spans a fortieth of the run.
std::size_t smoothing_window(std::size_t point_count) {
  return std::max<std::size_t>(point_count / 40, 3) | 1U;
}

void extend(Range& range, double value) {
  range.low = std::min(range.low, value);
  range.high = std::max(range.high, value);
}

Axis y_axis(const std::vector<Curve>& curves, YRange kind, int tick_count) {
  std::vector<double> values;
  for (const Curve& curve : curves) {
    for (const Point& point : curve) values.push_back(point.y);
  }
  if (values.empty()) return linear_axis({}, tick_count);
  Range range{values.front(), values.front()};
  for (const double value : values) extend(range, value);
  if (kind == YRange::fitted) return fitting_axis(range, tick_count);
  extend(range, 0);
  return linear_axis(range, tick_count);
}

Range steps_of(const MetricsHistory& metrics) {
  std::vector<double> steps;
  for (const auto& record : metrics.train) steps.push_back(static_cast<double>(record.iteration));
  for (const auto& record : metrics.validation) steps.push_back(static_cast<double>(record.iteration));
  if (steps.empty()) return {};
  const auto [low, high] = std::minmax_element(steps.begin(), steps.end());
  return {*low, *high};
}

// An empty chart over the steps of the run.
Chart chart_over(const MetricsHistory& metrics, std::string title, ChartSize size) {
  Chart chart;
  chart.title = std::move(title);
  chart.size = size;
  chart.x = step_axis(steps_of(metrics), size.width == kWideChart.width ? 12 : 6);
  return chart;
}

std::string note_on_dropped(const Curve& all, const Curve& drawn) {
  if (all.size() == drawn.size()) return "";
  return fmt::format("Not drawn, as not finite: {} of {} values.",
                     format_count(static_cast<std::int64_t>(all.size() - drawn.size())),
                     format_count(static_cast<std::int64_t>(all.size())));
}

// Every step as a thin line and its moving mean; a short curve as dots.
void add_noisy_curve(Chart& chart, const Curve& all) {
  const Curve curve = drawable(all);
  chart.note = note_on_dropped(all, curve);
  if (curve.size() <= kFewPoints) {
    chart.series.push_back({"each step", Mark::dots, 1, curve});
    return;
  }
  const std::size_t window = smoothing_window(curve.size());
  chart.series.push_back({"each step", Mark::thin_line, 1, thinned(curve, kMostPoints)});
  chart.series.push_back(
      {fmt::format("mean of {}", window), Mark::line, 1, moving_mean(curve, window, kMostPoints / 2)});
  for (const std::size_t i : spread_indices(curve.size(), kMostReadouts)) {
    const double mean = mean_around(curve, i, window);
    chart.readouts.push_back({{curve[i].x, mean},
                              fmt::format("step {}: {}, mean {}", step_text(curve[i].x),
                                          short_number(curve[i].y), short_number(mean))});
  }
}

Chart loss_chart(const MetricsHistory& metrics) {
  Chart chart = chart_over(metrics, "Loss", kWideChart);
  const Curve losses = curve_of(metrics.train, &TrainRecord::loss);
  const Curve validation =
      thinned(drawable(curve_of(metrics.validation, &ValidationRecord::loss)), kMostDots);
  add_noisy_curve(chart, losses);
  if (!validation.empty()) chart.series.push_back({"validation", Mark::dots, 2, validation});
  chart.y = y_axis({drawable(losses), validation}, YRange::fitted, 6);
  return chart;
}

Chart grad_norm_chart(const MetricsHistory& metrics) {
  Chart chart = chart_over(metrics, "Gradient norm", kHalfChart);
  const Curve norms = curve_of(metrics.train, &TrainRecord::grad_norm);
  add_noisy_curve(chart, norms);
  chart.y = y_axis({drawable(norms)}, YRange::fitted, 5);
  return chart;
}

Chart throughput_chart(const MetricsHistory& metrics, ChartSize size) {
  Chart chart = chart_over(metrics, "Throughput", size);
  const Curve speeds = curve_of(metrics.train, tokens_per_second);
  chart.unit = "tokens/s";
  add_noisy_curve(chart, speeds);
  chart.y = y_axis({drawable(speeds)}, YRange::from_zero, 5);
  return chart;
}

Chart learning_rate_chart(const MetricsHistory& metrics) {
  Chart chart = chart_over(metrics, "Learning rate", kHalfChart);
  const Curve curve = drawable(curve_of(metrics.train, &TrainRecord::learning_rate));
  chart.series.push_back({"learning rate", Mark::line, 3, thinned(curve, kMostPoints)});
  for (const std::size_t i : spread_indices(curve.size(), kMostReadouts)) {
    chart.readouts.push_back(
        {curve[i], fmt::format("step {}: {}", step_text(curve[i].x), short_number(curve[i].y))});
  }
  chart.y = y_axis({curve}, YRange::from_zero, 5);
  return chart;
}

std::map<double, Curve> curves_by_sigma(const std::vector<ValidationRecord>& records) {
  std::map<double, Curve> curves;
  for (const auto& record : records) {
    for (const auto& [sigma, loss] : record.losses_by_sigma) {
      curves[sigma].push_back({static_cast<double>(record.iteration), loss});
    }
  }
  return curves;
}

Chart sigma_chart(const MetricsHistory& metrics) {
  Chart chart = chart_over(metrics, "Validation loss by σ", kHalfChart);
  std::vector<Curve> curves;
  for (const auto& [sigma, curve] : curves_by_sigma(metrics.validation)) {
    curves.push_back(thinned(drawable(curve), kMostDots));
    const int color = static_cast<int>(curves.size() - 1) % kPaletteSize + 1;
    chart.series.push_back({fmt::format("σ {}", short_number(sigma)), Mark::dots, color, curves.back()});
  }
  chart.y = y_axis(curves, YRange::fitted, 5);
  return chart;
}

bool has_losses_by_sigma(const MetricsHistory& metrics) {
  return std::any_of(metrics.validation.begin(), metrics.validation.end(),
                     [](const ValidationRecord& record) { return !record.losses_by_sigma.empty(); });
}

}  // namespace

std::vector<Chart> training_charts(const MetricsHistory& metrics) {
  std::vector<Chart> charts{loss_chart(metrics), learning_rate_chart(metrics), grad_norm_chart(metrics)};
  if (has_losses_by_sigma(metrics)) {
    charts.push_back(throughput_chart(metrics, kHalfChart));
    charts.push_back(sigma_chart(metrics));
  } else {
    charts.push_back(throughput_chart(metrics, kLowChart));
  }
  return charts;
}

}  // namespace dfm::report
