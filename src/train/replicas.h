// Parameters that several ranks of a model hold alike: one of the ranks stands for all of them.
#pragma once

#include "comm/rank_grid.h"
#include "nn/parameter.h"

namespace dfm::train {

// Whether it is this rank that counts such a parameter in a norm and saves it.
inline bool stands_for_replicas(const nn::Placement& placement, const comm::GridGroups& groups) {
  return groups.shard_copies.rank() == 0 && (!placement.partial_over_tensor || groups.tensor.rank() == 0) &&
         (!placement.partial_over_pipeline || groups.pipeline.rank() == 0);
}

}  // namespace dfm::train
