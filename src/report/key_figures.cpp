#include "report/key_figures.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/core.h>

#include "core/units.h"
#include "report/number_text.h"

namespace dfm::report {
namespace {

// NaN of no values.
double median(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

KeyFigure loss_figure(const std::vector<TrainRecord>& records) {
  static constexpr std::size_t kMostRecords = 50;
  const std::size_t count = std::min(records.size(), kMostRecords);
  double sum = 0;
  for (std::size_t i = records.size() - count; i < records.size(); ++i) sum += records[i].loss;
  const std::string note =
      count == 1 ? "of the last record" : fmt::format("mean of the last {} records", count);
  return {"Loss", short_number(sum / static_cast<double>(count)), note};
}

KeyFigure validation_figure(const std::vector<ValidationRecord>& records) {
  const auto lower = [](const auto& a, const auto& b) {
    return a.loss < b.loss || (std::isnan(b.loss) && !std::isnan(a.loss));
  };
  const auto best = std::min_element(records.begin(), records.end(), lower);
  return {"Validation loss", short_number(records.back().loss),
          fmt::format("best {} at step {}", short_number(best->loss), format_count(best->iteration))};
}

KeyFigure throughput_figure(const std::vector<TrainRecord>& records) {
  std::vector<double> speeds, seconds;
  for (const TrainRecord& record : records) {
    if (!(record.step_seconds > 0)) continue;
    speeds.push_back(tokens_per_second(record));
    seconds.push_back(record.step_seconds);
  }
  const double step_seconds = median(seconds);
  const std::string note = step_seconds < 1
                               ? fmt::format("{:.3g} ms a step (medians)", step_seconds * 1000)
                               : fmt::format("{} a step (medians)", format_seconds(step_seconds));
  return {"Tokens per second", short_number(median(speeds)), note};
}

}  // namespace

std::vector<KeyFigure> key_figures(const MetricsHistory& metrics) {
  std::vector<KeyFigure> figures;
  if (!metrics.train.empty()) {
    const TrainRecord& last = metrics.train.back();
    figures.push_back({"Steps", format_count(last.iteration),
                       fmt::format("{} samples", format_count(last.consumed_samples))});
    figures.push_back(loss_figure(metrics.train));
  }
  if (!metrics.validation.empty()) figures.push_back(validation_figure(metrics.validation));
  if (!metrics.train.empty()) figures.push_back(throughput_figure(metrics.train));
  return figures;
}

}  // namespace dfm::report
