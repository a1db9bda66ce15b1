// The nodes of a run and the folder on each node's own disk that holds its part of the run's node-local
// checkpoints:
//
//   <folder>/dfm_checkpoints_<run id>/iter_0001000/manifest.json     the same on all nodes: lists all files
//   <folder>/dfm_checkpoints_<run id>/iter_0001000/rank_00003.h5     of the node's own ranks, and of the node
//                                                                    before it where partner copies are kept
//
// A node is known by its number, which is the rank of its leader among the leaders. One whose disk cannot be
// written has its part in the shared folder instead, as long as another node's disk works: what partners hold
// can then be loaded, and saving goes on.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "comm/group.h"
#include "stage/node_groups.h"

namespace dfm::ckpt {

// Of a run, on each node's disk.
std::string local_folder_name(const std::string& run_id);

struct LocalFolders {
  std::filesystem::path own_disk;  // where leaders may put things
  std::filesystem::path stead;     // shared by all nodes: has a folder for each node without a disk
};

struct LocalNodes {
  stage::NodeGroups groups;
  std::vector<int> node_of_rank;
  std::vector<int> leader_of_node;  // its rank in the world
  std::vector<std::string> host_of_node;
  std::vector<std::string> disk_problem_of_node;  // empty: none
  std::filesystem::path root;                     // this node's
  std::filesystem::path stead;

  int count() const { return static_cast<int>(leader_of_node.size()); }
};

// Collective. Throws a usage error when several nodes see the same folder (they would write over each other),
// and the storage error of a disk when no node's can be written.
LocalNodes local_nodes(const comm::Group& world, stage::NodeGroups groups, const LocalFolders& folders,
                       const std::string& run_id);

// On one rank: removes what is in the shared folder of nodes that have a disk now, or are no more.
void remove_needless_steads(const LocalNodes& nodes);

// "node 2 (host)".
std::string describe_node(const LocalNodes& nodes, int node);

}  // namespace dfm::ckpt
