// Who holds what of a parameter: the ranks that divide it, those that have the same share of it, and of ranks
// of a model that hold it alike the one that stands for all of them.
#pragma once

#include "comm/rank_grid.h"
#include "nn/parameter.h"
#include "train/shard_layout.h"

namespace dfm::train {

inline const comm::Group& shard_of(const nn::Placement& placement, const comm::GridGroups& groups) {
  return placement.is_of_expert ? groups.expert_shard : groups.shard;
}

inline const comm::Group& copies_of(const nn::Placement& placement, const comm::GridGroups& groups) {
  return placement.is_of_expert ? groups.expert_copies : groups.shard_copies;
}

inline ShardPlaces shard_places(const comm::GridGroups& groups) {
  return {{groups.shard.rank(), groups.shard.size()},
          {groups.expert_shard.rank(), groups.expert_shard.size()}};
}

// Whether it is this rank that counts such a parameter in a norm and saves it.
inline bool stands_for_replicas(const nn::Placement& placement, const comm::GridGroups& groups) {
  return copies_of(placement, groups).rank() == 0 &&
         (!placement.partial_over_tensor || groups.tensor.rank() == 0) &&
         (!placement.partial_over_pipeline || groups.pipeline.rank() == 0);
}

}  // namespace dfm::train
