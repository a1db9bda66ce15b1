// The parallel dimensions that a configuration asks for (model.*_parallel_size).
#pragma once

#include "comm/rank_grid.h"
#include "config/config.h"

namespace dfm::comm {

// What the data x context ranks divide between them, each level with all before it (ddp.* keys).
enum class Sharding {
  none,
  optimizer,   // ZeRO-1: optimizer state and master weights
  gradients,   // ZeRO-2: gradients are summed and freed block by block
  parameters,  // FSDP: parameters of blocks are gathered when they are used
};

Sharding sharding(const Config& config);

// Throws a usage error for dimensions that are not offered.
GridShape grid_shape(const Config& config);

}  // namespace dfm::comm
