#include "ckpt/local_tier.h"

#include <algorithm>

#include "ckpt/checkpoint.h"
#include "ckpt/commit.h"
#include "ckpt/retention.h"

namespace dfm::ckpt {
namespace fs = std::filesystem;
namespace {

// Of this node's folders; damaged and incomplete ones as well: nothing newer than the one just saved is
// looked at.
std::vector<std::int64_t> steps_up_to(const fs::path& root, std::int64_t newest) {
  std::vector<std::int64_t> steps;
  for (const Listed& listed : list_checkpoints(root)) {
    if (listed.step <= newest) steps.push_back(listed.step);
  }
  return steps;
}

void commit_part(const LocalNodes& nodes, const LocalTierSettings& settings, const Manifest& manifest) {
  if (settings.partner_copy && nodes.count() > 1) {
    exchange_files({nodes.groups.leaders, staging_folder(nodes.root, manifest.step)},
                   partner_transfers(manifest.files, nodes.node_of_rank, nodes.count()));
  }
  give_name(nodes.root, manifest);
}

}  // namespace

std::vector<FileTransfer> partner_transfers(const std::vector<FileRecord>& files,
                                            const std::vector<int>& node_of_file, int nodes) {
  std::vector<FileTransfer> transfers;
  for (std::size_t i = 0; i < files.size(); ++i)
    transfers.push_back({files[i], node_of_file[i], (node_of_file[i] + 1) % nodes});
  std::stable_partition(transfers.begin(), transfers.end(),
                        [](const FileTransfer& each) { return each.from % 2 == 0; });
  return transfers;
}

Tier local_tier(const LocalNodes& nodes, const LocalTierSettings& settings) {
  Tier tier{kLocalTier, nodes.root, {}, {}};
  if (!nodes.groups.leads()) return tier;
  tier.commit = [&nodes, settings](const Manifest& manifest) { commit_part(nodes, settings, manifest); };
  tier.tidy = [root = nodes.root, settings](std::int64_t saved) {
    const Retention retention{.most_recent = settings.most_recent};
    for (const std::int64_t step : dispensable(steps_up_to(root, saved), retention))
      remove_checkpoint(checkpoint_folder(root, step));
  };
  return tier;
}

Tier with_local_tidied(Tier shared, const LocalNodes& nodes) {
  if (!nodes.groups.leads()) return shared;
  shared.tidy = [before = std::move(shared.tidy), root = nodes.root, &nodes](std::int64_t saved) {
    if (before) before(saved);
    if (nodes.groups.leaders.rank() == 0) remove_needless_steads(nodes);
    for (const std::int64_t step : steps_up_to(root, saved - 1))
      remove_checkpoint(checkpoint_folder(root, step));
  };
  return shared;
}

}  // namespace dfm::ckpt
