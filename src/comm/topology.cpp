#include "comm/topology.h"

#include <algorithm>
#include <cstdlib>
#include <map>

#include <fmt/format.h>
#include <sched.h>

#include "comm/mpi.h"
#include "core/error.h"

namespace dfm::comm {
namespace {

int positive_from_environment(const char* name) {
  const char* const text = std::getenv(name);
  return text == nullptr ? 0 : static_cast<int>(std::strtol(text, nullptr, 10));
}

// OMP_NUM_THREADS where it is given; else the processors in this process's affinity mask, shared with those
// ranks of the node that have the same mask (an unbound mpirun gives every rank the whole node). Collective
// over the node: the environment may differ between its ranks.
int usable_threads(const Group& node) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  sched_getaffinity(0, sizeof mask, &mask);
  const std::string mine(reinterpret_cast<const char*>(&mask), sizeof mask);
  const auto masks = node.all_gather_text(mine);
  if (const int given = positive_from_environment("OMP_NUM_THREADS"); given > 0) return given;
  const auto sharing = static_cast<int>(std::ranges::count(masks, mine));
  return std::max(1, CPU_COUNT(&mask) / std::max(1, sharing));
}

}  // namespace

std::string Topology::map() const {
  std::string text;
  for (int node = 0; node < node_count; ++node) {
    std::vector<std::size_t> ranks;
    for (std::size_t rank = 0; rank < node_of_rank.size(); ++rank) {
      if (node_of_rank[rank] == node) ranks.push_back(rank);
    }
    text += fmt::format("node {} ({}): ranks {}\n", node, host_of_rank[ranks.front()], fmt::join(ranks, " "));
  }
  return text;
}

Topology discover_topology(const Group& world) {
  const Group node = world.split_by_node();
  Topology topology;
  topology.local_rank = node.rank();
  topology.local_size = node.size();
  topology.threads = usable_threads(node);
  topology.host_of_rank = world.all_gather_text(host_name());
  // A node is named by the world rank of its first member.
  std::vector<std::int64_t> leaders(static_cast<std::size_t>(world.size()));
  std::int64_t leader = world.rank();
  node.all_reduce_min(std::span(&leader, 1));
  leaders[world.rank()] = leader;
  world.all_reduce_sum(std::span(leaders));
  std::map<std::int64_t, int> number_of_leader;
  for (const std::int64_t each : leaders) {
    topology.node_of_rank.push_back(
        number_of_leader.try_emplace(each, static_cast<int>(number_of_leader.size())).first->second);
  }
  topology.node_count = static_cast<int>(number_of_leader.size());
  return topology;
}

void refuse_lonely_slurm_task(int world_size) {
  const int tasks = positive_from_environment("SLURM_NTASKS");
  if (world_size > 1 || tasks <= 1) return;
  // The batch script itself may run a program alone: it is inside a job, but not inside a step.
  const bool in_batch_script =
      std::getenv("SLURM_JOB_ID") != nullptr && std::getenv("SLURM_STEP_ID") == nullptr;
  if (in_batch_script) return;
  throw usage_error(
      fmt::format("SLURM_NTASKS is {}, but MPI sees a world of 1 rank", tasks),
      "start with srun --mpi=pmix (srun --mpi=list shows what this site offers), or use mpirun");
}

}  // namespace dfm::comm
