// Node-local staging: copies of shared files on every node's scratch, read once from the shared file system,
// forwarded over the network between the first ranks of the nodes, written once a node, verified.
//
//   Staging staging(stage_settings(config), world, node_groups(world), root, names);
//   staging.wait(world);                                  // or go on: copies arrive meanwhile
//   const auto copy = staging.local_copy(root / names[0]);  // empty: read the shared file
//
// Mode::broadcast: one node reads, every node must hold everything; what stands in the way is an error.
// Mode::partition: the reading is divided over stage.readers nodes, each node keeps what it has room for, its
// own part first; what is missing is read from the shared file system, with a warning that says why.
//
// The order of training is defined over positions (share/doc/order.md), so any rank may need any shard, and
// what is staged where must never change a number: a copy is used where it is verified, the shared file
// elsewhere, and both hold the same bytes.
#pragma once

#include <atomic>
#include <exception>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "comm/group.h"
#include "core/error.h"
#include "stage/node_groups.h"
#include "stage/stage_file.h"
#include "stage/stage_folder.h"
#include "stage/stage_plan.h"
#include "stage/stage_report.h"
#include "stage/stage_settings.h"

namespace dfm::stage {

class Staging {
 public:
  // Collective. Looks at the files, opens the folders and starts. Throws on all ranks: a usage error when no
  // scratch is known, a data error for a file that is not there, a storage error for a folder that cannot be
  // used.
  Staging(StageSettings settings, const comm::Group& world, NodeGroups groups,
          const std::filesystem::path& root, const std::vector<std::string>& names);
  Staging(const Staging&) = delete;  // its thread refers to it
  Staging& operator=(const Staging&) = delete;
  // Ends what is under way, and removes the copies unless they are to be kept. Without an exception on its
  // way every rank does this at the same point of the program.
  ~Staging();

  // Collective. Returns when nothing more arrives; false when any rank was asked to stop. Throws on all ranks
  // what Mode::broadcast met.
  bool wait(const comm::Group& world);

  // The verified copy of a source on this node. Thread-safe.
  std::optional<std::filesystem::path> local_copy(const std::filesystem::path& source) const;
  // A copy that turned out to be unreadable is not offered again to this rank. Thread-safe.
  void give_up(const std::filesystem::path& source);

  // What happened on this node; complete after wait().
  NodeReport report() const;
  const std::filesystem::path& folder() const { return folder_path_; }

 private:
  void run();
  void run_on_leader();
  NodeState restore_copies();
  StagePlan agree_on_plan(const NodeState& mine);
  // False when trouble on any node ended it.
  bool transfer_all(const StagePlan& plan);
  bool trouble_anywhere(const std::vector<Error>& problems);
  void tell_all();
  bool should_stop() const;

  StageSettings settings_;
  NodeGroups groups_;
  std::vector<StageFile> files_;
  std::filesystem::path folder_path_;
  std::unordered_map<std::string, std::filesystem::path> copy_of_source_;
  std::unique_ptr<StageFolder> folder_;  // on the leader
  mutable std::mutex mutex_;             // guards what follows
  NodeReport report_;
  std::unordered_map<std::string, bool> given_up_;
  std::exception_ptr failure_;
  std::atomic<bool> stop_ = false, finished_ = false;
  std::thread thread_;  // last
};

}  // namespace dfm::stage
