// Which checkpoints stay.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace dfm::ckpt {

struct Retention {
  std::int64_t most_recent = -1;  // newest to keep; -1: all
  std::int64_t every = 0;         // keep those of steps that this divides; 0: none
};

// Which of these steps (of valid checkpoints, in any order) need not be kept. Never the newest.
std::vector<std::int64_t> dispensable(std::vector<std::int64_t> steps, const Retention& retention);

// Removes the checkpoints below root that need not be kept. Those that are damaged, and those newer than the
// pointer file says, are neither counted nor removed; what another program reads (ckpt/manifest_lock.h) stays
// this time. What cannot be removed is warned of. Called on one rank.
void prune_checkpoints(const std::filesystem::path& root, const Retention& retention);

// Removes one checkpoint, its manifest first: what is half removed is no checkpoint. Warns where it cannot.
void remove_checkpoint(const std::filesystem::path& folder);

}  // namespace dfm::ckpt
