// The groups of a program that runs alone, for tests of parts that speak to other ranks.
#pragma once

#include "comm/mpi.h"
#include "comm/rank_grid.h"
#include "support/unwatched_leaks.h"

namespace dfm::testing {

inline comm::MpiRuntime started_mpi() {
  [[maybe_unused]] const UnwatchedLeaks of_open_mpi;
  return {nullptr, nullptr};
}

inline const comm::GridGroups& one_rank_groups() {
  static const comm::MpiRuntime mpi = started_mpi();
  static const comm::GridGroups groups(comm::Group::world(), comm::RankGrid(1, {}));
  return groups;
}

}  // namespace dfm::testing
