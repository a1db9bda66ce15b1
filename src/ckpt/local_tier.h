// Saving on the nodes' own disks. Ranks write there; each node's leader then sends its node's files to the
// next node in the ring (so that the loss of one node loses nothing), writes the manifest, which lists the
// files of all nodes, and renames the folder. What the nodes hold together is joined by ckpt/local_union.h.
#pragma once

#include <cstdint>
#include <filesystem>

#include "ckpt/file_exchange.h"
#include "ckpt/local_nodes.h"
#include "ckpt/tier.h"

namespace dfm::ckpt {

struct LocalTierSettings {
  std::int64_t most_recent = 1;  // newest to keep
  bool partner_copy = true;
};

// nodes must outlive the tier.
Tier local_tier(const LocalNodes& nodes, const LocalTierSettings& settings);

// The shared tier of a run that has a local one, too: what is older than a shared checkpoint is then removed
// from the nodes, and from the shared folder of nodes without a disk. nodes must outlive the tier.
Tier with_local_tidied(Tier shared, const LocalNodes& nodes);

// Every node's files to the next node. Half of the nodes send at a time, while the others receive.
std::vector<FileTransfer> partner_transfers(const std::vector<FileRecord>& files,
                                            const std::vector<int>& node_of_file, int nodes);

}  // namespace dfm::ckpt
