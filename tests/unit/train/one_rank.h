// The groups of a program that runs alone, for tests of parts that speak to other ranks.
#pragma once

#include "comm/mpi.h"
#include "comm/rank_grid.h"

namespace dfm::testing {

inline const comm::GridGroups& one_rank_groups() {
  static const comm::MpiRuntime mpi(nullptr, nullptr);
  static const comm::GridGroups groups(comm::Group::world(), comm::RankGrid(1, {}));
  return groups;
}

}  // namespace dfm::testing
