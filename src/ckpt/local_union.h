// Going on from what the nodes of a run hold together of its node-local checkpoints. The nodes may be others
// than those that saved, in another number, with other ranks; a node's part may be lost or damaged where
// another node has a copy. What a node needs and lacks is sent to it before the ranks load.
//
//   LocalUnion local(world, nodes, settings, read_pointer(shared_root));
//   load_newest(world, shared_root, Damaged::set_aside, load, &local);
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ckpt/checkpoint.h"
#include "ckpt/file_exchange.h"
#include "ckpt/local_holdings.h"
#include "ckpt/local_nodes.h"
#include "ckpt/local_tier.h"

namespace dfm::ckpt {

class LocalUnion {
 public:
  // Collective. Looks into the folders of all nodes, and removes what interrupted saves left there. pointer:
  // of the shared tier, on rank 0; where it was lowered by hand, the node-local checkpoints after it are
  // passed over.
  LocalUnion(const comm::Group& world, const LocalNodes& nodes, const LocalTierSettings& settings,
             std::optional<std::int64_t> pointer);

  // Collective. As load_newest, among those after this step. One that is not whole is warned of and left as
  // it is, since a node may come back; one whose copies are all damaged is set aside on all nodes.
  std::optional<Listed> load_newer(std::int64_t step, const std::function<void(const Listed&)>& load);

  // Once an older one is loaded: sets aside what was passed over. Not before, since a pointer that was
  // damaged may point to nothing, and is mended then.
  void went_back();

  // Whether one was damaged.
  bool met_damage() const { return met_damage_; }

 private:
  enum class Need { own_files, all_files };

  bool needs(int node, std::size_t file, Need need) const;
  void pass_over_after(std::int64_t pointer);
  void set_aside_everywhere(std::int64_t step, const std::string& why);
  Manifest manifest_of(const LocalCandidate& candidate);
  std::optional<Listed> load(LocalCandidate& candidate, const std::function<void(const Listed&)>& load);
  void prepare(const LocalCandidate& candidate, const std::vector<FileTransfer>& transfers);
  void bring(const LocalCandidate& candidate, const std::vector<FileTransfer>& transfers);
  void write_manifest(const LocalCandidate& candidate);
  std::vector<FileTransfer> missing(const LocalCandidate& candidate, const Manifest& manifest,
                                    Need need) const;
  void require_room(const std::vector<FileTransfer>& transfers) const;
  bool mends(LocalCandidate& candidate, const Manifest& manifest, const std::string& problem);

  const comm::Group& world_;
  const LocalNodes& nodes_;
  LocalTierSettings settings_;
  std::vector<LocalCandidate> candidates_;  // newest first; those that were tried are gone
  std::string manifest_text_;               // of the candidate that is tried
  std::vector<std::int64_t> passed_over_;
  bool met_damage_ = false;
};

}  // namespace dfm::ckpt
