// A dfm checkpoint as an export: its folder, its manifest, and what is in the way.
#pragma once

#include <filesystem>

#include "ckpt/import/source.h"

namespace dfm::ckpt {

// root/iter_0001000 for a root; the folder itself where the name is that of a checkpoint. The step is the
// source's, or the name's for a foreign source (0 with neither, so that training begins with its warm-up).
struct LayoutTarget {
  std::filesystem::path folder;
  std::int64_t step = 0;
};

// Throws a usage error for a name with another step.
LayoutTarget layout_target(const std::filesystem::path& output, const Source& source);

// Throws a usage error for a checkpoint that is there already.
void refuse_checkpoint_there(const LayoutTarget& target);

// Of a checkpoint with these files: the source's own, or one that begins with these weights.
Manifest layout_manifest(const Source& source, std::int64_t step, int ranks);

// The kinds that a foreign source lacks and that begin with zeros.
std::vector<std::string> missing_moments(const Source& source);

// Moves the pointer of the folder's root up to the step, never down.
void announce(const LayoutTarget& target);

}  // namespace dfm::ckpt
