#include "stage/staging.h"

#include <chrono>
#include <cstdlib>

#include <fmt/core.h>
#include <unistd.h>

#include "comm/agree.h"
#include "comm/mpi.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/log.h"
#include "core/stop_token.h"
#include "core/units.h"
#include "stage/stage_plan.h"
#include "stage/transfer.h"

namespace dfm::stage {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPollInterval{50};

// Kept copies are found again by any run on the same data; others belong to this job (or process) alone.
fs::path folder_name(const fs::path& root, bool keep) {
  const std::string data = hex(hash64(fs::absolute(root).lexically_normal().native()));
  if (keep) return fmt::format("dfm_stage_{}", data);
  const char* const job = std::getenv("SLURM_JOB_ID");
  return fmt::format("dfm_stage_{}_{}", data, job != nullptr ? job : fmt::format("pid{}", ::getpid()));
}

std::vector<StageFile> shared_look(const comm::Group& world, const fs::path& root,
                                   const std::vector<std::string>& names) {
  const std::string text = comm::agreed(
      world, [&] { return world.rank() == 0 ? to_text(look_at_files(root, names)) : std::string(); });
  return stage_files_from_text(world.broadcast_text(text, 0));
}

void warn_of_shared_scratch(const fs::path& folder) {
  const std::string kind = network_file_system(folder);
  if (kind.empty()) return;
  log::warn("{} is on {}, which all nodes share: staging there gains nothing; give stage.scratch=FOLDER",
            folder.native(), kind);
}

}  // namespace

Staging::Staging(StageSettings settings, const comm::Group& world, NodeGroups groups, const fs::path& root,
                 const std::vector<std::string>& names)
    : settings_(std::move(settings)), groups_(std::move(groups)), files_(shared_look(world, root, names)) {
  comm::agreed(world, [&] {
    if (!groups_.leads()) return;
    folder_path_ = choose_scratch(settings_) / folder_name(root, settings_.keep);
    folder_ =
        std::make_unique<StageFolder>(folder_path_, files_, settings_.keep ? AtEnd::keep : AtEnd::remove);
    warn_of_shared_scratch(folder_path_);
  });
  folder_path_ = groups_.node.broadcast_text(folder_path_.native(), 0);
  for (const StageFile& file : files_) {
    copy_of_source_.emplace(file.source.native(), folder_path_ / file.name);
  }
  report_.files = static_cast<std::int64_t>(files_.size());
  if (!groups_.leads()) {
    finished_ = true;
  } else if (groups_.leaders.size() == 1 || comm::threads_may_communicate()) {
    thread_ = std::thread([this] { run(); });
  } else {
    run();
  }
}

Staging::~Staging() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

bool Staging::wait(const comm::Group& world) {
  for (;;) {
    std::int32_t state[] = {StopToken::requested() ? 1 : 0, finished_ ? 0 : 1};
    world.all_reduce_max(std::span<std::int32_t>(state));
    if (state[0] != 0) stop_ = true;
    if (state[1] == 0) {
      comm::agree_on(world, failure_);
      return state[0] == 0;
    }
    std::this_thread::sleep_for(kPollInterval);
  }
}

std::optional<fs::path> Staging::local_copy(const fs::path& source) const {
  const auto found = copy_of_source_.find(source.native());
  if (found == copy_of_source_.end()) return std::nullopt;
  {
    const std::scoped_lock lock(mutex_);
    if (given_up_.contains(source.native())) return std::nullopt;
  }
  std::error_code ignored;
  return fs::exists(found->second, ignored) ? std::optional(found->second) : std::nullopt;
}

void Staging::give_up(const fs::path& source) {
  const std::scoped_lock lock(mutex_);
  given_up_.emplace(source.native(), true);
}

NodeReport Staging::report() const {
  const std::scoped_lock lock(mutex_);
  return report_;
}

bool Staging::should_stop() const { return stop_ || StopToken::requested(); }

void Staging::run() {
  try {
    run_on_leader();
  } catch (...) {
    failure_ = std::current_exception();
  }
  finished_ = true;
}

void Staging::run_on_leader() {
  const auto start = Clock::now();
  const StagePlan plan = agree_on_plan(restore_copies());
  if (!transfer_all(plan)) return;
  {
    const std::scoped_lock lock(mutex_);
    report_.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  }
  tell_all();
}

NodeState Staging::restore_copies() {
  NodeState state;
  for (const StageFile& file : files_) {
    state.has.push_back(!should_stop() && folder_->restore(file));
    if (!state.has.back()) continue;
    const std::scoped_lock lock(mutex_);
    ++report_.found;
    report_.found_bytes += file.size_bytes;
  }
  try {
    state.room_bytes = folder_->room_bytes(settings_.margin);
  } catch (const Error& error) {
    log::warn("{}", error.what());  // no room is the right number then
  }
  return state;
}

StagePlan Staging::agree_on_plan(const NodeState& mine) {
  std::vector<NodeState> nodes;
  for (const std::string& text : groups_.leaders.all_gather_text(to_text(mine))) {
    nodes.push_back(node_state_from_text(text));
  }
  std::vector<std::uint64_t> sizes;
  for (const StageFile& file : files_) sizes.push_back(file.size_bytes);
  const bool is_strict = settings_.mode == Mode::broadcast;
  StagePlan plan = plan_staging(sizes, nodes, is_strict ? 1 : static_cast<std::size_t>(settings_.readers));
  for (std::size_t node = 0; node < nodes.size(); ++node) {
    if (plan.lacking_bytes[node] == 0) continue;
    const std::string text =
        fmt::format("node {}: the files to stage need {} more than stage.margin leaves free on its scratch",
                    node, format_bytes(plan.lacking_bytes[node]));
    if (is_strict)
      throw storage_error(text, "make room, or give stage.mode=partition, which keeps what fits");
    if (groups_.leaders.rank() == 0) log::warn("{}: that part is read from the shared file system", text);
  }
  return plan;
}

bool Staging::transfer_all(const StagePlan& plan) {
  const TransferContext context{groups_.leaders, *folder_, files_, [this] { return should_stop(); }};
  const auto& keeps = plan.keeps[static_cast<std::size_t>(groups_.leaders.rank())];
  for (const auto& batch : plan.batches) {
    const BatchResult result = transfer_batch(context, batch, keeps);
    {
      const std::scoped_lock lock(mutex_);
      report_.staged += static_cast<std::int64_t>(result.kept.size());
      report_.problems += static_cast<std::int64_t>(result.problems.size());
      report_.read_bytes += result.traffic.read_bytes;
      report_.written_bytes += result.traffic.written_bytes;
      report_.stopped = result.stopped;
    }
    if (result.stopped) return true;
    if (settings_.mode == Mode::broadcast && trouble_anywhere(result.problems)) return false;
    if (settings_.mode == Mode::broadcast) continue;
    for (const Error& problem : result.problems) log::warn("not staged: {}", problem.what());
  }
  return true;
}

bool Staging::trouble_anywhere(const std::vector<Error>& problems) {
  std::int32_t trouble = problems.empty() ? 0 : 1;
  groups_.leaders.all_reduce_max(std::span(&trouble, 1));
  if (!problems.empty()) failure_ = std::make_exception_ptr(problems.front());
  return trouble != 0;
}

void Staging::tell_all() {
  std::vector<NodeReport> nodes;
  for (const std::string& text : groups_.leaders.all_gather_text(to_text(report()))) {
    nodes.push_back(node_report_from_text(text));
  }
  if (groups_.leaders.rank() == 0) log::info("staged {}", describe(nodes));
}

}  // namespace dfm::stage
