#include "ckpt/local_nodes.h"

#include <optional>
#include <random>

#include <fmt/core.h>

#include "comm/agree.h"
#include "comm/mpi.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/log.h"
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

void open_folder(const LocalNodes& nodes) {
  make_folder(nodes.root);
  const std::string kind = stage::network_file_system(nodes.root);
  if (kind.empty()) return;
  log::warn("{} is on {}, not on the node's own disk: checkpoints there are neither fast nor spread out",
            nodes.root.native(), kind);
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

LocalNodes local_nodes(const comm::Group& world, stage::NodeGroups groups, const fs::path& folder,
                       const std::string& run_id) {
  LocalNodes nodes{std::move(groups), {}, {}, {}, {}};
  const fs::path mine = folder / ("dfm_checkpoints_" + run_id);
  nodes.root = nodes.groups.node.broadcast_text(mine.native(), 0);
  const std::string number = nodes.groups.node.broadcast_text(std::to_string(nodes.groups.leaders.rank()), 0);
  for (const std::string& text : world.all_gather_text(number)) nodes.node_of_rank.push_back(std::stoi(text));
  const auto hosts = world.all_gather_text(nodes.groups.leads() ? comm::host_name() : "");
  for (std::size_t rank = 0; rank < hosts.size(); ++rank) {
    if (hosts[rank].empty()) continue;  // leaders are numbered in the order of their ranks
    nodes.leader_of_node.push_back(static_cast<int>(rank));
    nodes.host_of_node.push_back(hosts[rank]);
  }
  comm::agreed(world, [&] {
    if (nodes.groups.leads()) open_folder(nodes);
  });
  require_own_folders(world, nodes);
  return nodes;
}

std::string describe_node(const LocalNodes& nodes, int node) {
  return fmt::format("node {} ({})", node, nodes.host_of_node[static_cast<std::size_t>(node)]);
}

}  // namespace dfm::ckpt
