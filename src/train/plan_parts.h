// What a rank of a layout that is planned (train/plan.h) has of a network: its parameters, declared and not
// allocated, and how many of them are divided over whom.
#pragma once

#include <vector>

#include "model/backbone.h"
#include "nn/parameter.h"
#include "train/plan.h"
#include "train/shard_layout.h"

namespace dfm::train {

// Parameters that the same ranks divide.
struct PlannedShard {
  int copies = 1, ranks = 1;
  int span = 1;                    // consecutive ranks from the first of them to the last
  std::vector<double> units = {};  // elements of each unit
  double owned = 0;                // elements of one rank's share

  double of_blocks() const;
};

struct PlannedParts {
  PlannedParts(const model::BackboneSpec& model, const PlannedLayout& layout, int stage);

  // Of both kinds.
  double of_unit(std::size_t unit) const { return dense.units[unit] + experts.units[unit]; }
  double all() const;
  double largest_block() const;
  std::size_t blocks() const { return parameters.units().size() - 1; }

  PlannedLayout layout;
  nn::DepthCut depth;
  nn::ParameterList parameters;
  model::RecomputePlan recompute;
  PlannedShard dense, experts;
  double largest_bucket = 0;
  double owned_replicas = 0;  // elements of the share of what all stages have

 private:
  void add(const Bucket& bucket);
};

}  // namespace dfm::train
