#include "ckpt/tier.h"

#include "ckpt/commit.h"

namespace dfm::ckpt {

Tier shared_tier(const comm::Group& world, const std::filesystem::path& root, const Retention& retention) {
  Tier tier{kSharedTier, root, {}, {}};
  if (world.rank() != 0) return tier;
  tier.commit = [root](const Manifest& manifest) { commit(root, manifest); };
  tier.tidy = [root, retention](std::int64_t) { prune_checkpoints(root, retention); };
  return tier;
}

}  // namespace dfm::ckpt
