#include "ckpt/local_union.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "ckpt/commit.h"
#include "ckpt/file_exchange.h"
#include "ckpt/local_copies.h"
#include "ckpt/quarantine.h"
#include "comm/agree.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/log.h"
#include "core/units.h"

namespace dfm::ckpt {
namespace fs = std::filesystem;
namespace {

std::vector<LocalCandidate> look(const comm::Group& world, const LocalNodes& nodes) {
  const std::string mine = comm::agreed(world, [&] {
    if (!nodes.groups.leads()) return std::string();
    remove_unfinished(nodes.root);
    return to_text(look_at_holdings(nodes.root));
  });
  const std::vector<std::string> all = world.all_gather_text(mine);
  std::vector<std::vector<Holding>> holdings;
  for (const int leader : nodes.leader_of_node)
    holdings.push_back(holdings_from_text(all[static_cast<std::size_t>(leader)]));
  return join_holdings(holdings);
}

std::int64_t from_rank_0(const comm::Group& world, std::int64_t value) {
  world.broadcast(std::as_writable_bytes(std::span(&value, 1)), 0);
  return value;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

LocalUnion::LocalUnion(const comm::Group& world, const LocalNodes& nodes, const LocalTierSettings& settings,
                       std::optional<std::int64_t> pointer)
    : world_(world), nodes_(nodes), settings_(settings), candidates_(look(world, nodes)) {
  if (const std::int64_t newest = from_rank_0(world, pointer.value_or(-1)); newest >= 0)
    pass_over_after(newest);
}

// They were begun when the shared tier was further than its pointer is now.
void LocalUnion::pass_over_after(std::int64_t pointer) {
  for (const LocalCandidate& each : candidates_) {
    if (each.shared_step <= pointer) continue;
    if (world_.rank() == 0) {
      log::warn(
          "the pointer file of the shared checkpoints says {}: iteration {} on the nodes is passed over",
          pointer, each.step);
    }
    passed_over_.push_back(each.step);
  }
  std::erase_if(candidates_, [&](const LocalCandidate& each) { return each.shared_step > pointer; });
}

void LocalUnion::went_back() {
  for (const std::int64_t step : passed_over_)
    set_aside_everywhere(step, "The run went back to an earlier iteration.");
  passed_over_.clear();
}

void LocalUnion::set_aside_everywhere(std::int64_t step, const std::string& why) {
  const fs::path folder = checkpoint_folder(nodes_.root, step);
  std::error_code ignored;
  if (nodes_.groups.leads() && fs::exists(folder, ignored)) set_aside(folder, why);
}

std::optional<Listed> LocalUnion::load_newer(std::int64_t step,
                                             const std::function<void(const Listed&)>& load_it) {
  while (!candidates_.empty() && candidates_.front().step > step) {
    LocalCandidate candidate = std::move(candidates_.front());
    candidates_.erase(candidates_.begin());
    if (auto loaded = load(candidate, load_it)) return loaded;
  }
  return std::nullopt;
}

// Collective. The text of a node that has it, on all ranks.
Manifest LocalUnion::manifest_of(const LocalCandidate& candidate) {
  const int leader = nodes_.leader_of_node[static_cast<std::size_t>(candidate.manifest_node())];
  const fs::path path = checkpoint_folder(nodes_.root, candidate.step) / kManifestName;
  const std::string mine =
      comm::agreed(world_, [&] { return world_.rank() == leader ? read_text(path) : std::string(); });
  manifest_text_ = world_.broadcast_text(mine, leader);
  return comm::agreed(world_, [&] { return manifest_from_text(manifest_text_, path); });
}

std::optional<Listed> LocalUnion::load(LocalCandidate& candidate,
                                       const std::function<void(const Listed&)>& load_it) {
  Listed listed{checkpoint_folder(nodes_.root, candidate.step), candidate.step, manifest_of(candidate), {}};
  const Manifest& manifest = *listed.manifest;
  if (const auto lost = candidate.lost(manifest); !lost.empty()) {
    if (world_.rank() == 0) {
      log::warn("iteration {} was saved on the nodes {}, but no node here has {}: it cannot be used",
                candidate.step, fmt::join(manifest.hosts, ", "), fmt::join(lost, ", "));
    }
    return std::nullopt;
  }
  const Need first = manifest.ranks == world_.size() ? Need::own_files : Need::all_files;
  for (const Need need : {first, Need::all_files}) {
    const std::vector<FileTransfer> transfers = missing(candidate, manifest, need);
    prepare(candidate, transfers);
    try {
      bring(candidate, transfers);
      load_it(listed);
      return listed;
    } catch (const comm::AgreedError& error) {
      if (error.kind() != ExitCode::data && error.kind() != ExitCode::storage) throw;
      listed.problem = error.what();
      if (!mends(candidate, manifest, listed.problem)) return std::nullopt;
      if (need == Need::all_files && error.kind() == ExitCode::storage) throw;
    }
  }
  met_damage_ = true;
  set_aside_everywhere(candidate.step, listed.problem);
  return std::nullopt;
}

// Collective. Gives every node the manifest.
void LocalUnion::prepare(const LocalCandidate& candidate, const std::vector<FileTransfer>& transfers) {
  comm::agreed(world_, [&] {
    if (!nodes_.groups.leads()) return;
    write_manifest(candidate);
    require_room(transfers);
  });
}

// Collective.
void LocalUnion::bring(const LocalCandidate& candidate, const std::vector<FileTransfer>& transfers) {
  if (transfers.empty()) return;
  log::info("nodes send each other {} files of iteration {}", transfers.size(), candidate.step);
  comm::agreed(world_, [&] {
    if (!nodes_.groups.leads()) return;
    exchange_files({nodes_.groups.leaders, checkpoint_folder(nodes_.root, candidate.step)}, transfers);
  });
}

// On leaders. What lies there of another attempt at this step is not mixed with it.
void LocalUnion::write_manifest(const LocalCandidate& candidate) {
  const fs::path folder = checkpoint_folder(nodes_.root, candidate.step);
  const Holding& mine = candidate.of_node[static_cast<std::size_t>(nodes_.groups.leaders.rank())];
  if (mine.id == candidate.id) return;
  if (mine.files.empty() && fs::exists(folder)) set_aside(folder, "Other nodes saved this iteration again.");
  make_folder(folder);
  write_durably(folder / kManifestName, manifest_text_);
}

// With as many ranks as before each reads its own file. What a node has a copy of for another one is part of
// that: a node that was lost is then backed again.
bool LocalUnion::needs(int node, std::size_t file, Need need) const {
  const int owner = nodes_.node_of_rank[std::min(file, nodes_.node_of_rank.size() - 1)];
  return need == Need::all_files || owner == node ||
         (settings_.partner_copy && (owner + 1) % nodes_.count() == node);
}

std::vector<FileTransfer> LocalUnion::missing(const LocalCandidate& candidate, const Manifest& manifest,
                                              Need need) const {
  std::vector<FileTransfer> transfers;
  for (std::size_t i = 0; i < manifest.files.size(); ++i) {
    for (int node = 0; node < nodes_.count(); ++node) {
      if (!needs(node, i, need)) continue;
      const int holder = candidate.holder(manifest.files[i], node).value();
      if (holder != node) transfers.push_back({manifest.files[i], holder, node});
    }
  }
  return transfers;
}

void LocalUnion::require_room(const std::vector<FileTransfer>& transfers) const {
  std::uint64_t needed = 0;
  for (const FileTransfer& each : transfers) {
    if (each.to == nodes_.groups.leaders.rank()) needed += each.file.size_bytes;
  }
  std::error_code unknown;
  const auto space = fs::space(nodes_.root, unknown);
  if (needed == 0 || unknown || needed <= space.available) return;
  throw storage_error(
      fmt::format("{} on {} lacks room for {} of a node-local checkpoint that other nodes hold",
                  nodes_.root.native(), describe_node(nodes_, nodes_.groups.leaders.rank()),
                  format_bytes(needed)),
      "make room, or start with as many ranks on the same nodes as before");
}

// Collective, after a failure to load: leaves out the copies that are not sound. Whether every file has a
// sound copy then; if not, it is set aside, unless a copy may be sound that cannot be read now.
bool LocalUnion::mends(LocalCandidate& candidate, const Manifest& manifest, const std::string& problem) {
  if (world_.rank() == 0) log::warn("{}; looking at all copies of iteration {}", problem, candidate.step);
  const fs::path folder = checkpoint_folder(nodes_.root, candidate.step);
  const std::string mine = comm::agreed(world_, [&] {
    if (!nodes_.groups.leads()) return std::string();
    return to_text(check_copies(
        folder, candidate.of_node[static_cast<std::size_t>(nodes_.groups.leaders.rank())], manifest));
  });
  const std::vector<std::string> all = world_.all_gather_text(mine);
  std::set<std::string> unreadable;
  for (int node = 0; node < nodes_.count(); ++node) {
    const CopyProblems problems = copy_problems_from_text(
        all[static_cast<std::size_t>(nodes_.leader_of_node[static_cast<std::size_t>(node)])]);
    unreadable.insert(problems.unreadable.begin(), problems.unreadable.end());
    std::erase_if(candidate.of_node[static_cast<std::size_t>(node)].files, [&](const auto& file) {
      return contains(problems.damaged, file.first) || contains(problems.unreadable, file.first);
    });
  }
  const auto lost = candidate.lost(manifest);
  if (lost.empty()) return true;
  if (std::ranges::any_of(lost, [&](const std::string& name) { return unreadable.contains(name); })) {
    throw comm::AgreedError(
        ExitCode::storage,
        fmt::format("iteration {} on the nodes cannot be read: {}", candidate.step, problem),
        "it may be whole; mend the file system, or remove the folders to go on from an "
        "older checkpoint");
  }
  if (world_.rank() == 0) {
    log::warn("iteration {} on the nodes cannot be used: no sound copy of {}; it is set aside",
              candidate.step, fmt::join(lost, ", "));
  }
  met_damage_ = true;
  set_aside_everywhere(candidate.step, problem);
  return false;
}

}  // namespace dfm::ckpt
