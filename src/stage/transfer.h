// Files from the nodes that read them to the nodes that keep them.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "comm/group.h"
#include "core/error.h"
#include "stage/stage_file.h"
#include "stage/stage_folder.h"
#include "stage/stage_plan.h"

namespace dfm::stage {

// What a node sees of the transfers.
struct TransferContext {
  const comm::Group& leaders;
  const StageFolder& folder;
  std::span<const StageFile> files;
  std::function<bool()> stop_requested;  // on this node
  std::size_t piece_bytes = 8U << 20U;
};

struct Traffic {
  std::uint64_t read_bytes = 0;     // from the shared file system, by this node
  std::uint64_t written_bytes = 0;  // to scratch
};

struct BatchResult {
  bool stopped = false;  // on all nodes: what was under way is gone
  Traffic traffic;
  std::vector<std::size_t> kept;  // on this node
  std::vector<Error> problems;    // of sources (on all nodes), and of this node's scratch
};

// Collective over the leaders. Moves the files of one batch piece by piece, in turn, so that all its readers
// read at the same time. A source that cannot be read, or a scratch that is full, costs that file only.
BatchResult transfer_batch(const TransferContext& context, const std::vector<Transfer>& batch,
                           const std::vector<bool>& keeps);

}  // namespace dfm::stage
