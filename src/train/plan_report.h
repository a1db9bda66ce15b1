// dfm_train --plan: the plan of the configured layout as a table or as JSON, and with plan.suggest_gib the
// layouts that fit, best first.
#pragma once

#include "comm/group.h"
#include "config/config.h"
#include "core/error.h"
#include "train/plan.h"

namespace dfm::train {

// Rank 0 prints.
ExitCode print_plan(const Config& config, const comm::Group& world);

// Those of all layouts of so many ranks that need at most so much memory a rank, least extra work and
// traffic first.
std::vector<Plan> suggested_layouts(const PlannedWork& work, int ranks, double memory_bytes);

}  // namespace dfm::train
