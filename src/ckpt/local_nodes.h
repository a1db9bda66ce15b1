// The nodes of a run and the folder on each node's own disk that holds its part of the run's node-local
// checkpoints:
//
//   <folder>/dfm_checkpoints_<run id>/iter_0001000/manifest.json     the same on all nodes: lists all files
//   <folder>/dfm_checkpoints_<run id>/iter_0001000/rank_00003.h5     of the node's own ranks, and of the node
//                                                                    before it where partner copies are kept
//
// A node is known by its number, which is the rank of its leader among the leaders.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "comm/group.h"
#include "stage/node_groups.h"

namespace dfm::ckpt {

struct LocalNodes {
  stage::NodeGroups groups;
  std::vector<int> node_of_rank;
  std::vector<int> leader_of_node;  // its rank in the world
  std::vector<std::string> host_of_node;
  std::filesystem::path root;  // this node's

  int count() const { return static_cast<int>(leader_of_node.size()); }
};

// Collective. folder: where leaders may put things, on their node's own disk. Throws a usage error when
// several nodes see the same one: they would write over each other.
LocalNodes local_nodes(const comm::Group& world, stage::NodeGroups groups,
                       const std::filesystem::path& folder, const std::string& run_id);

// "node 2 (host)".
std::string describe_node(const LocalNodes& nodes, int node);

}  // namespace dfm::ckpt
