// The parallel dimensions that a configuration asks for (model.*_parallel_size).
#pragma once

#include "comm/rank_grid.h"
#include "config/config.h"

namespace dfm::comm {

// Throws a usage error for dimensions that are not offered.
GridShape grid_shape(const Config& config);

}  // namespace dfm::comm
