// The checkpoint that a run would go on from.
#pragma once

#include "ckpt/checkpoint.h"

namespace dfm::testing {

// Collective. The newest whose files have their checksums.
inline std::optional<ckpt::Listed> newest_valid(const comm::Group& world, const std::filesystem::path& root) {
  return ckpt::load_newest(world, root, ckpt::Damaged::leave,
                           [&](const ckpt::Listed& candidate) { ckpt::verify_checksums(world, candidate); });
}

}  // namespace dfm::testing
