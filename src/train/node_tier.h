// checkpoint.local_*: the checkpoints that a run keeps on its nodes' own disks, often, beside the seldom ones
// in checkpoint.save.
//
//   const NodeTier node_tier(config, world);
//   auto local = node_tier.look(world);              // before the ranks load: ckpt/local_union.h
//   settings.saving.local = node_tier.saving();      // when they save: train/saving.h
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "ckpt/local_nodes.h"
#include "ckpt/local_union.h"
#include "comm/group.h"
#include "config/config.h"
#include "report/journal.h"
#include "train/saving.h"

namespace dfm::train {

// Where this process would look for them, for reading ahead of what NodeTier finds; empty without a tier.
std::optional<std::filesystem::path> node_tier_folder(const Config& config);

class NodeTier {
 public:
  // Collective. Without local_save_interval and local_save_minutes it stands for no tier.
  NodeTier(const Config& config, const comm::Group& world);
  NodeTier(const NodeTier&) = delete;  // what it gives refers to it
  NodeTier& operator=(const NodeTier&) = delete;

  // Collective. What the nodes hold; empty without a tier.
  std::optional<ckpt::LocalUnion> look(const comm::Group& world) const;
  std::optional<LocalSaving> saving() const;
  // On rank 0.
  void record_disk_problems(report::Journal& journal) const;
  // Rank 0 says what the journal promised and the nodes no longer have.
  void warn_of_lost_steps(const comm::Group& world, std::int64_t resumed_step) const;

 private:
  std::filesystem::path shared_;
  ckpt::LocalTierSettings settings_;
  Cadence cadence_;
  std::optional<ckpt::LocalNodes> nodes_;
};

}  // namespace dfm::train
