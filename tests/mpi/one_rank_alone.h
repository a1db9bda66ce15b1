// Groups of one rank, so that every rank can compute for itself what all of them compute together.
#pragma once

#include "comm/rank_grid.h"

namespace dfm::testing {

class Alone {
 public:
  // Collective.
  explicit Alone(const comm::Group& world)
      : self_(world.split(world.rank(), "alone")), groups_(self_, comm::RankGrid(1, {})) {}

  const comm::Group& group() const { return self_; }
  const comm::GridGroups& groups() const { return groups_; }

 private:
  comm::Group self_;
  comm::GridGroups groups_;
};

}  // namespace dfm::testing
