// What can be found out in seconds, before an allocation is spent on it: folders, data set, devices, links,
// clocks, time, and which node is slow. `dfm_train --preflight` prints it as a table, a row a node.
#pragma once

#include "comm/group.h"
#include "comm/topology.h"
#include "config/config.h"
#include "core/error.h"

namespace dfm::train {

// Collective. done, or the code of the first check that failed (each is printed, as errors).
ExitCode preflight(const Config& config, const comm::Group& world, const comm::Topology& topology);

}  // namespace dfm::train
