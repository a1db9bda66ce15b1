// The curves over the steps that a report shows of a run's metrics.
#pragma once

#include <vector>

#include "report/chart.h"
#include "report/metrics.h"

namespace dfm::report {

// Loss with validation; then learning rate, gradient norm, throughput, and validation loss by noise level
// where it is known.
std::vector<Chart> training_charts(const MetricsHistory& metrics);

}  // namespace dfm::report
