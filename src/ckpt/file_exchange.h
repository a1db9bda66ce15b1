// Files of a checkpoint from node to node, over MPI, piece by piece.
#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

#include "ckpt/manifest.h"
#include "comm/group.h"

namespace dfm::ckpt {

struct FileTransfer {
  FileRecord file;
  int from = 0, to = 0;  // nodes
};

struct ExchangeContext {
  const comm::Group& leaders;
  std::filesystem::path folder;  // this node reads from it and writes to it
  std::size_t piece_bytes = 8U << 20U;
};

// Collective over the leaders, with the same transfers on all: they are made in this order, those of
// different pairs of nodes beside each other. A file is durable under its name when it has arrived with its
// checksum. What fails costs that file alone; the first failure of this node is thrown at the end.
void exchange_files(const ExchangeContext& context, const std::vector<FileTransfer>& transfers);

}  // namespace dfm::ckpt
