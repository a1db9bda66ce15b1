#include "stage/node_groups.h"

namespace dfm::stage {
namespace {

NodeGroups with_leaders(const comm::Group& world, comm::Group node) {
  comm::Group leaders = world.split(node.rank() == 0 ? 0 : 1, "node leaders");
  return {std::move(node), std::move(leaders)};
}

}  // namespace

NodeGroups node_groups(const comm::Group& world) { return with_leaders(world, world.split_by_node()); }

NodeGroups node_groups(const comm::Group& world, int node) {
  return with_leaders(world, world.split(node, "node"));
}

}  // namespace dfm::stage
