// What a rank of a layout that is planned (train/plan.h) has of a network: its parameters, declared and not
// allocated, and how many of them are divided over whom.
#pragma once

#include <vector>

#include "model/backbone.h"
#include "nn/parameter.h"
#include "train/plan.h"
#include "train/shard_layout.h"
#include "train/stage_uses.h"

namespace dfm::train {

// Parameters that the same ranks divide.
struct PlannedShard {
  int copies = 1, ranks = 1;
  int apart = 1;                   // ranks from each of them to the next
  std::vector<double> units = {};  // elements of each unit
  double owned = 0;                // elements of the planned rank's share

  double of_blocks() const;
};

struct PlannedParts {
  PlannedParts(const model::BackboneSpec& model, const PlannedLayout& layout, int stage);

  // Of both kinds.
  double of_unit(std::size_t unit) const { return dense.units[unit] + experts.units[unit]; }
  double all() const;
  double largest_block() const;
  std::size_t blocks() const { return parameters.units().size() - 1; }

  // Of all layers of the stage, and of these the ones that are computed again as a whole.
  double layers = 0, layers_again = 0;

  PlannedLayout layout;
  nn::DepthCut depth;
  int rank = 0;
  nn::ParameterList parameters;
  model::RecomputePlan recompute;
  StageUses uses;
  PlannedShard dense, experts;
  double largest_bucket = 0;
  // Elements of the share of what all stages have, and of what all tensor ranks have.
  double owned_of_stages = 0, owned_of_tensor = 0;

 private:
  void add(const Bucket& bucket, const ShardPlaces& places);
  void count_layers(std::int64_t all_layers);
};

}  // namespace dfm::train
