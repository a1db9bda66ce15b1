// A tier: a place for checkpoints, how the files of all ranks become one there, and what becomes of older
// ones. A saver (ckpt/saver.h) writes to any of them.
//
//   Tier shared = shared_tier(world, root, retention);     // seldom, outlives everything
//   Tier local = local_tier(nodes, settings);              // often, on the nodes' own disks
//   (ckpt/local_tier.h)
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "ckpt/manifest.h"
#include "ckpt/retention.h"
#include "comm/group.h"

namespace dfm::ckpt {

inline constexpr const char* kSharedTier = "shared";
inline constexpr const char* kLocalTier = "local";

struct Tier {
  std::string name;
  std::filesystem::path root;  // as this rank sees it
  // Called in a thread, on the ranks that have it, when the files of all ranks are written below root and the
  // manifest lists them: makes them the checkpoint of this step.
  std::function<void(const Manifest&)> commit;
  // Called in a thread, on the ranks that have it, once that was done everywhere: removes what need not be
  // kept now.
  std::function<void(std::int64_t step)> tidy;
};

// A folder that all ranks see. Rank 0 commits.
Tier shared_tier(const comm::Group& world, const std::filesystem::path& root, const Retention& retention);

}  // namespace dfm::ckpt
