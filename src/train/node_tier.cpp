#include "train/node_tier.h"

#include <algorithm>

#include "ckpt/pointer.h"
#include "ckpt/run_id.h"
#include "comm/agree.h"
#include "comm/mpi.h"
#include "core/error.h"
#include "core/log.h"
#include "report/journal.h"
#include "stage/stage_settings.h"

namespace dfm::train {
namespace fs = std::filesystem;
namespace {

constexpr const char* kStead = "nodes_without_disk";

Cadence local_cadence(const Config& config) {
  return {.steps = config.integer("checkpoint.local_save_interval"),
          .minutes = config.optional_real("checkpoint.local_save_minutes").value_or(0)};
}

fs::path local_folder(const Config& config) {
  static constexpr const char* kKey = "checkpoint.local_save";
  if (const auto folder = config.optional_text(kKey)) return *folder;
  return stage::choose_scratch(stage::stage_settings(config), kKey);
}

void require_threads(const ckpt::LocalTierSettings& settings, const ckpt::LocalNodes& nodes) {
  if (!settings.partner_copy || nodes.count() == 1 || comm::threads_may_communicate()) return;
  throw usage_error("this MPI does not allow threads to communicate, as partner copies need",
                    "give checkpoint.partner_copy=false, or use an MPI with MPI_THREAD_MULTIPLE");
}

// The last step that was announced as saved on the nodes.
std::int64_t last_announced(const fs::path& journal) {
  std::int64_t step = 0;
  for (const Json& event : report::read_journal(journal)) {
    const std::string kind = event.value("event", "");
    const auto at = event.value("step", std::int64_t{0});
    if (kind == "checkpoint" && event.value("tier", "") == ckpt::kLocalTier) step = at;
    if (kind == "start") step = std::min(step, at);  // what it went back behind was told then
  }
  return step;
}

}  // namespace

std::optional<fs::path> node_tier_folder(const Config& config) {
  const Cadence cadence = local_cadence(config);
  if (cadence.steps == 0 && cadence.minutes == 0) return std::nullopt;
  return local_folder(config);
}

NodeTier::NodeTier(const Config& config, const comm::Group& world)
    : shared_(config.text("checkpoint.save")),
      settings_{config.integer("checkpoint.local_most_recent_k"), config.flag("checkpoint.partner_copy")},
      cadence_(local_cadence(config)) {
  if (cadence_.steps == 0 && cadence_.minutes == 0) return;
  const std::string id =
      comm::agreed(world, [&] { return world.rank() == 0 ? ckpt::run_id(shared_) : std::string(); });
  stage::NodeGroups groups = stage::node_groups(world);
  const fs::path folder =
      comm::agreed(world, [&] { return groups.leads() ? local_folder(config) : fs::path(); });
  nodes_ =
      ckpt::local_nodes(world, std::move(groups), {folder, shared_ / kStead}, world.broadcast_text(id, 0));
  comm::agreed(world, [&] { require_threads(settings_, *nodes_); });
  log::info("checkpoints on {} nodes' own disks: {}{}", nodes_->count(), nodes_->root.native(),
            !settings_.partner_copy ? ""
            : nodes_->count() == 1  ? "; one node has no partner: its loss loses what is there"
                                    : "; each node's also on the next");
}

std::optional<ckpt::LocalUnion> NodeTier::look(const comm::Group& world) const {
  if (!nodes_) return std::nullopt;
  const auto pointer = comm::agreed(
      world, [&] { return world.rank() == 0 ? ckpt::read_pointer(shared_) : std::optional<std::int64_t>(); });
  return std::optional<ckpt::LocalUnion>(std::in_place, world, *nodes_, settings_, pointer);
}

std::optional<LocalSaving> NodeTier::saving() const {
  if (!nodes_) return std::nullopt;
  return LocalSaving{&*nodes_, settings_, cadence_};
}

void NodeTier::record_disk_problems(report::Journal& journal) const {
  if (!nodes_) return;
  for (std::size_t node = 0; node < nodes_->disk_problem_of_node.size(); ++node) {
    const std::string& problem = nodes_->disk_problem_of_node[node];
    if (!problem.empty())
      journal.record("node_disk_failed", {{"host", nodes_->host_of_node[node]}, {"reason", problem}});
  }
}

void NodeTier::warn_of_lost_steps(const comm::Group& world, std::int64_t resumed_step) const {
  if (!nodes_ || world.rank() != 0) return;
  std::int64_t promised = 0;
  try {
    promised = last_announced(shared_ / "journal.jsonl");
  } catch (...) {
    log::warn("{}", to_error(std::current_exception()).what());
  }
  if (promised <= resumed_step) return;
  log::warn(
      "iteration {} was saved on nodes that do not have it now: going on from {}, {} steps are lost "
      "and computed again",
      promised, resumed_step, promised - resumed_step);
}

}  // namespace dfm::train
