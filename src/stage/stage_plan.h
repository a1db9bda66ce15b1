// Who reads what from the shared file system, and which nodes keep it: a pure function of what the nodes have
// and have room for, the same on every node.
//
// A file is read once, by one node, and forwarded to all that keep it. The reading is divided by size over as
// many nodes as may read at once. Where there is not room for everything, each node keeps the files of its
// own part first, so that together the nodes hold as much as they can.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace dfm::stage {

struct NodeState {
  std::uint64_t room_bytes = 0;
  std::vector<bool> has;  // by file
};

struct Transfer {
  std::size_t file = 0;
  int reader = 0;  // node
};

struct StagePlan {
  // Transfers that run at the same time, each with another reader.
  std::vector<std::vector<Transfer>> batches;
  std::vector<std::vector<bool>> keeps;      // [node][file]: what a node is to receive
  std::vector<std::uint64_t> lacking_bytes;  // by node: what it has no room for
};

StagePlan plan_staging(const std::vector<std::uint64_t>& size_bytes, const std::vector<NodeState>& nodes,
                       std::size_t readers);

std::string to_text(const NodeState& state);
NodeState node_state_from_text(const std::string& text);

}  // namespace dfm::stage
