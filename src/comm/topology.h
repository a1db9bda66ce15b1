// Which rank runs on which node, and how many processors it may use there.
#pragma once

#include <string>
#include <vector>

#include "comm/group.h"

namespace dfm::comm {

struct Topology {
  std::vector<std::string> host_of_rank;
  std::vector<int> node_of_rank;  // nodes are numbered in the order of their first rank
  int node_count = 1;
  int local_rank = 0;
  int local_size = 1;
  int threads = 1;  // processors this rank may keep busy

  // One line a node: "node 0 (host): ranks 0 1 2 3".
  std::string map() const;
};

// Collective over the world.
Topology discover_topology(const Group& world);

// A world of one rank inside a Slurm step of several tasks means that MPI and Slurm did not find each other:
// each task would do the whole work and write over the others. Throws a usage error that names the srun
// setting.
void refuse_lonely_slurm_task(int world_size);

}  // namespace dfm::comm
