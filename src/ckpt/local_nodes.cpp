#include "ckpt/local_nodes.h"

#include <algorithm>
#include <optional>
#include <random>

#include <fmt/core.h>

#include "comm/agree.h"
#include "comm/mpi.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/log.h"
#include "core/system_error.h"
#include "stage/stage_settings.h"

namespace dfm::ckpt {
namespace fs = std::filesystem;
namespace {

// Every leader leaves a file of its own and looks for those of the others. The word is this start's: what one
// that was killed has left says nothing, and goes with its unfinished saves.
class Visit {
 public:
  Visit(fs::path root, std::string word, int node)
      : root_(std::move(root)), word_(std::move(word)), node_(node) {
    File::create(file(node_)).close();
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;
  ~Visit() {
    std::error_code ignored;
    fs::remove(file(node_), ignored);
  }

  void require_alone(int nodes) const {
    for (int other = 0; other < nodes; ++other) {
      if (other == node_ || !fs::exists(file(other))) continue;
      throw usage_error(
          fmt::format("{} is one folder for several nodes, each of which needs its own", root_.native()),
          "give checkpoint.local_save=FOLDER on the nodes' own disks");
    }
  }

 private:
  fs::path file(int node) const { return root_ / fmt::format(".iter_{}_{}.partial", word_, node); }

  fs::path root_;
  std::string word_;
  int node_;
};

void require_writable(const fs::path& root) {
  with_retries([&] {
    make_folder(root);
    const fs::path trial = root / ".iter_trial.partial";  // one that is left goes with unfinished saves
    File::create(trial).close();
    remove_file(trial);
  });
}

// Why this node's disk cannot be written; empty: it can.
std::string disk_problem(const fs::path& root) {
  try {
    require_writable(root);
  } catch (const Error& error) {
    if (error.kind() != ExitCode::storage) throw;
    return error.what();
  }
  const std::string kind = stage::network_file_system(root);
  if (!kind.empty()) {
    log::warn("{} is on {}, not on the node's own disk: checkpoints there are neither fast nor spread out",
              root.native(), kind);
  }
  return "";
}

void require_a_disk(const LocalNodes& nodes) {
  const auto& problems = nodes.disk_problem_of_node;
  if (std::ranges::any_of(problems, &std::string::empty)) return;
  throw storage_error(problems.front(), "give checkpoint.local_save=FOLDER on the nodes' own disks");
}

fs::path stead_of_node(const fs::path& stead, int node) { return stead / fmt::format("node_{}", node); }

void warn_of_disks(const LocalNodes& nodes) {
  for (int node = 0; node < nodes.count(); ++node) {
    const std::string& problem = nodes.disk_problem_of_node[static_cast<std::size_t>(node)];
    if (problem.empty()) continue;
    log::warn("{}: {}; its part of node-local checkpoints goes to {}, as slow as shared ones",
              describe_node(nodes, node), problem, stead_of_node(nodes.stead, node).native());
  }
}

// Collective. Every node's folder, on its disk or in the shared folder.
void choose_roots(const comm::Group& world, LocalNodes& nodes, const fs::path& own) {
  const std::string mine =
      comm::agreed(world, [&] { return nodes.groups.leads() ? disk_problem(own) : std::string(); });
  const auto problems = world.all_gather_text(mine);
  for (const int leader : nodes.leader_of_node)
    nodes.disk_problem_of_node.push_back(problems[static_cast<std::size_t>(leader)]);
  require_a_disk(nodes);
  if (world.rank() == 0) warn_of_disks(nodes);
  nodes.root = mine.empty() ? own : stead_of_node(nodes.stead, nodes.groups.leaders.rank()) / own.filename();
  nodes.root = nodes.groups.node.broadcast_text(nodes.root.native(), 0);
  comm::agreed(world, [&] {
    if (!mine.empty()) require_writable(nodes.root);
  });
}

void require_own_folders(const comm::Group& world, const LocalNodes& nodes) {
  const std::string word = world.broadcast_text(hex(std::random_device()()), 0);
  std::optional<Visit> visit;
  comm::agreed(world, [&] {
    if (nodes.groups.leads()) visit.emplace(nodes.root, word, nodes.groups.leaders.rank());
  });
  comm::agreed(world, [&] {
    if (visit) visit->require_alone(nodes.groups.leaders.size());
  });
}

}  // namespace

std::string local_folder_name(const std::string& run_id) { return "dfm_checkpoints_" + run_id; }

LocalNodes local_nodes(const comm::Group& world, stage::NodeGroups groups, const LocalFolders& folders,
                       const std::string& run_id) {
  LocalNodes nodes{std::move(groups), {}, {}, {}, {}, {}, folders.stead};
  const std::string number = nodes.groups.node.broadcast_text(std::to_string(nodes.groups.leaders.rank()), 0);
  for (const std::string& text : world.all_gather_text(number)) nodes.node_of_rank.push_back(std::stoi(text));
  const auto hosts = world.all_gather_text(nodes.groups.leads() ? comm::host_name() : "");
  for (std::size_t rank = 0; rank < hosts.size(); ++rank) {
    if (hosts[rank].empty()) continue;  // leaders are numbered in the order of their ranks
    nodes.leader_of_node.push_back(static_cast<int>(rank));
    nodes.host_of_node.push_back(hosts[rank]);
  }
  choose_roots(world, nodes, folders.own_disk / local_folder_name(run_id));
  require_own_folders(world, nodes);
  return nodes;
}

void remove_needless_steads(const LocalNodes& nodes) {
  std::error_code ignored;
  for (fs::directory_iterator entry(nodes.stead, ignored), end; entry != end; entry.increment(ignored)) {
    bool is_needed = false;
    for (int node = 0; node < nodes.count(); ++node) {
      is_needed = is_needed || (!nodes.disk_problem_of_node[static_cast<std::size_t>(node)].empty() &&
                                entry->path() == stead_of_node(nodes.stead, node));
    }
    if (!is_needed) fs::remove_all(entry->path(), ignored);
  }
  fs::remove(nodes.stead, ignored);  // where it is empty
}

std::string describe_node(const LocalNodes& nodes, int node) {
  return fmt::format("node {} ({})", node, nodes.host_of_node[static_cast<std::size_t>(node)]);
}

}  // namespace dfm::ckpt
