// One training run from a configuration: what dfm_train does.
#pragma once

#include "comm/group.h"
#include "comm/topology.h"
#include "config/config.h"
#include "core/error.h"
#include "core/progress.h"

namespace dfm::train {

// Collective.
ExitCode run_training(const Config& config, const comm::Group& world, const comm::Topology& topology,
                      ProgressStyle progress);

}  // namespace dfm::train
