#include "train/preflight.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <set>
#include <vector>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <sched.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "comm/agree.h"
#include "comm/mpi.h"
#include "core/build_info.h"
#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "core/slurm_time.h"
#include "core/units.h"
#include "stage/stage_settings.h"
#include "train/data_sources.h"
#include "train/node_tier.h"

namespace dfm::train {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kProbeBytes = 16U << 20U;
constexpr double kMostSkewSeconds = 2;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// A small durable file: its speed in bytes a second. Throws a storage error.
double durable_write_speed(const fs::path& folder) {
  make_folder(folder);
  // Nodes may share the folder, and processes on two of them a number.
  const fs::path path = folder / fmt::format(".preflight.{}.{}", comm::host_name(), ::getpid());
  const std::string content(kProbeBytes, 'x');
  const auto start = Clock::now();
  write_durably(path, content);
  const double seconds = seconds_since(start);
  remove_file(path);
  return kProbeBytes / seconds;
}

std::string file_system_type(const fs::path& folder) {
  struct statfs status {};
  if (::statfs(folder.c_str(), &status) != 0) return "unknown";
  switch (static_cast<std::uint32_t>(status.f_type)) {
    case 0xEF53:
      return "ext4";
    case 0x58465342:
      return "xfs";
    case 0x9123683E:
      return "btrfs";
    case 0x01021994:
      return "tmpfs";
    case 0x6969:
      return "nfs";
    case 0x0BD00BD0:
      return "lustre";
    case 0x47504653:
      return "gpfs";
    case 0x794C7630:
      return "overlay";
    default:
      return fmt::format("type {:#x}", static_cast<std::uint32_t>(status.f_type));
  }
}

std::string folder_facts(const fs::path& folder) {
  const double speed = durable_write_speed(folder);
  return fmt::format("{}, {}, {} free, {}/s durable", folder.native(), file_system_type(folder),
                     format_bytes(fs::space(folder).available),
                     format_bytes(static_cast<std::uint64_t>(speed)));
}

// Where a run would put copies of the data and its frequent checkpoints on this node. Without either, where
// it could.
std::set<fs::path> scratch_folders(const Config& config) {
  const stage::StageSettings staging = stage::stage_settings(config);
  std::set<fs::path> folders;
  if (staging.mode != stage::Mode::none) folders.insert(stage::choose_scratch(staging));
  if (const auto checkpoints = node_tier_folder(config)) folders.insert(*checkpoints);
  if (!folders.empty()) return folders;
  try {
    return {stage::choose_scratch(staging)};
  } catch (const Error&) {  // no such folder is known, and none is needed
    return {"/tmp"};
  }
}

std::string scratch_facts(const Config& config) {
  std::vector<std::string> facts;
  for (const fs::path& folder : scratch_folders(config)) facts.push_back(folder_facts(folder));
  return fmt::format("{}", fmt::join(facts, "; "));
}

std::string devices() {
  int count = 0;
  std::error_code ignored;
  while (fs::exists(fmt::format("/dev/nvidia{}", count), ignored)) ++count;
  const char* const visible = std::getenv("CUDA_VISIBLE_DEVICES");
  if (count == 0) return "none, CPU";
  return fmt::format("{} NVIDIA{}", count, visible == nullptr ? "" : fmt::format(", visible {}", visible));
}

// Bytes a second through memory on this rank's threads.
double memory_speed() {
  const at::Tensor from = at::ones({std::int64_t{16} << 20U}, at::kFloat);
  const at::Tensor to = at::empty_like(from);
  double best = 0;
  for (int i = 0; i < 4; ++i) {
    const auto start = Clock::now();
    to.copy_(from);
    best = std::max(best, 2.0 * static_cast<double>(from.nbytes()) / seconds_since(start));
  }
  return best;
}

// Collective over the group. Bytes a second of an all-reduce, by payload; 0 for a group of one.
double link_speed(const comm::Group& group) {
  if (group.size() == 1) return 0;
  std::vector<float> values(kProbeBytes / sizeof(float) / 4);
  group.all_reduce_sum(std::span(values));
  group.barrier();
  const auto start = Clock::now();
  for (int i = 0; i < 4; ++i) group.all_reduce_sum(std::span(values));
  return static_cast<double>(kProbeBytes) / seconds_since(start);
}

std::string speed_text(double bytes_per_second) {
  return bytes_per_second == 0 ? "-" : format_bytes(static_cast<std::uint64_t>(bytes_per_second)) + "/s";
}

// Collective. How far the clock of `rank` is ahead of rank 0's: its time against the middle of the round
// trip.
double clock_skew(const comm::Group& world, int rank) {
  double there = 0;
  const double before = wall_seconds();
  world.broadcast(std::as_writable_bytes(std::span(&there, 1)), 0);
  there = wall_seconds();
  world.broadcast(std::as_writable_bytes(std::span(&there, 1)), rank);
  return there - (before + wall_seconds()) / 2;
}

int processors() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  ::sched_getaffinity(0, sizeof mask, &mask);
  return CPU_COUNT(&mask);
}

// The first failure decides the exit code; the others are told as well.
class Checks {
 public:
  explicit Checks(const comm::Group& world) : world_(world) {}

  // Collective.
  template <class Body>
  void check(Body&& body) {
    try {
      comm::agreed(world_, body);
    } catch (const comm::AgreedError& error) {
      if (world_.rank() == 0) log::error("{}\n         hint: {}", error.what(), error.hint());
      if (code_ == ExitCode::done) code_ = error.kind();
    }
  }
  ExitCode code() const { return code_; }

 private:
  const comm::Group& world_;
  ExitCode code_ = ExitCode::done;
};

int leader_of(const comm::Topology& topology, int node) {
  return static_cast<int>(std::ranges::find(topology.node_of_rank, node) - topology.node_of_rank.begin());
}

void print_nodes(const comm::Topology& topology, const std::vector<std::string>& rows,
                 const std::vector<double>& speeds, const std::vector<double>& skews) {
  fmt::print("{:<24} {:>6} {:>12} {:>12}  {}\n", "node", "ranks", "memory", "clock",
             "cores, devices, scratch");
  int slowest = 0;
  for (int node = 0; node < topology.node_count; ++node) {
    const auto leader = static_cast<std::size_t>(leader_of(topology, node));
    if (speeds[leader] < speeds[static_cast<std::size_t>(leader_of(topology, slowest))]) slowest = node;
    fmt::print("{:<24} {:>6} {:>12} {:>+9.1f} ms  {}\n", topology.host_of_rank[leader],
               std::ranges::count(topology.node_of_rank, node), speed_text(speeds[leader]),
               skews[leader] * 1000, rows[leader]);
  }
  const auto leader = static_cast<std::size_t>(leader_of(topology, slowest));
  fmt::print("slowest node: {} ({} through memory)\n", topology.host_of_rank[leader],
             speed_text(speeds[leader]));
}

void print_time() {
  const auto end = slurm_end_time();
  if (!end) {
    fmt::print("Slurm time: no limit known\n");
    return;
  }
  const double left = std::chrono::duration<double>(*end - std::chrono::system_clock::now()).count();
  fmt::print("Slurm time: {:.0f} minutes left\n", left / 60);
}

struct LinkSpeeds {
  double within = 0, between = 0;  // nodes; the second only on the first rank of a node
};

LinkSpeeds link_speeds(const comm::Group& world, const comm::Topology& topology) {
  const comm::Group node = world.split_by_node();
  const comm::Group leaders = world.split(topology.local_rank == 0 ? 0 : 1, "nodes");
  const double within = link_speed(node);
  return {within, topology.local_rank == 0 ? link_speed(leaders) : 0};
}

// A speed a rank, all measured at once, as in a run.
std::vector<double> memory_speeds(const comm::Group& world) {
  std::vector<double> speeds(static_cast<std::size_t>(world.size()));
  world.barrier();
  speeds[static_cast<std::size_t>(world.rank())] = memory_speed();
  world.all_reduce_sum(std::span(speeds));
  return speeds;
}

// Of the first rank of each node, in seconds against rank 0; 0 for the others.
std::vector<double> clock_skews(const comm::Group& world, const comm::Topology& topology) {
  std::vector<double> skews(static_cast<std::size_t>(world.size()));
  for (int node = 1; node < topology.node_count; ++node) {
    const int rank = leader_of(topology, node);
    skews[static_cast<std::size_t>(rank)] = clock_skew(world, rank);
  }
  world.broadcast(std::as_writable_bytes(std::span(skews)), 0);
  return skews;
}

void require_equal_versions(const std::vector<std::string>& versions) {
  if (std::ranges::count(versions, versions[0]) == std::ssize(versions)) return;
  throw usage_error(fmt::format("the ranks run dfm {}", fmt::join(versions, ", ")),
                    "install the same version on all nodes");
}

void require_equal_clocks(const std::vector<double>& skews, const comm::Topology& topology) {
  const auto worst = std::ranges::max_element(skews, {}, [](double skew) { return std::abs(skew); });
  if (std::abs(*worst) <= kMostSkewSeconds) return;
  throw Error(ExitCode::internal,
              fmt::format("the clock of {} is {:+.1f} s off",
                          topology.host_of_rank[static_cast<std::size_t>(worst - skews.begin())], *worst),
              "set the clocks (chronyc tracking, timedatectl)");
}

}  // namespace

ExitCode preflight(const Config& config, const comm::Group& world, const comm::Topology& topology) {
  const bool leads = world.rank() == 0;
  Checks checks(world);
  std::string save, row;
  checks.check([&] {
    if (leads) save = folder_facts(config.text("checkpoint.save"));
  });
  checks.check([&] {
    const std::string scratch = topology.local_rank == 0 ? scratch_facts(config) : "";
    row = fmt::format("{} cores for {} threads, {}, {}", processors(), topology.threads, devices(), scratch);
  });
  std::int64_t samples = 0;
  checks.check([&] {  // once a node
    if (topology.local_rank == 0) samples = training_source(config, read_data_index(config)).count();
  });
  const std::vector<std::string> versions = world.all_gather_text(std::string(version()));
  checks.check([&] { require_equal_versions(versions); });
  const LinkSpeeds links = link_speeds(world, topology);
  const std::vector<double> speeds = memory_speeds(world), skews = clock_skews(world, topology);
  checks.check([&] { require_equal_clocks(skews, topology); });
  const std::vector<std::string> rows = world.all_gather_text(row);
  if (!leads) return checks.code();
  print_nodes(topology, rows, speeds, skews);
  fmt::print("all-reduce: {} inside a node, {} between nodes\n", speed_text(links.within),
             speed_text(links.between));
  fmt::print("checkpoints: {}\n", save.empty() ? "not usable" : save);
  fmt::print("data set: {}\n", samples > 0 ? fmt::format("{} samples", format_count(samples)) : "not usable");
  print_time();
  fmt::print("dfm {}: {}\n", version(), checks.code() == ExitCode::done ? "ready" : "not ready");
  std::fflush(stdout);
  return checks.code();
}

}  // namespace dfm::train
