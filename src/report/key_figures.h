// The few numbers of a run that a reader wants first.
#pragma once

#include <string>
#include <vector>

#include "report/metrics.h"

namespace dfm::report {

// "Loss", "0.0312", "mean of the last 50 steps".
struct KeyFigure {
  std::string name, value, note;
};

// Those that the metrics can tell; none of an empty history.
std::vector<KeyFigure> key_figures(const MetricsHistory& metrics);

}  // namespace dfm::report
