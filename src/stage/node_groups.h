// The ranks of this node, and the first rank of every node: who writes to scratch and who talks to whom.
#pragma once

#include "comm/group.h"

namespace dfm::stage {

struct NodeGroups {
  comm::Group node;
  comm::Group leaders;  // of all nodes; on the other ranks a group of no use

  bool leads() const { return node.rank() == 0; }
};

// Collective over the world.
NodeGroups node_groups(const comm::Group& world);
// Collective over the world. As if the ranks that give the same number shared a node; for tests on one.
NodeGroups node_groups(const comm::Group& world, int node);

}  // namespace dfm::stage
