#include "comm/watchdog.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <random>
#include <thread>

#include <fmt/core.h>
#include <unistd.h>

#include "comm/agree.h"
#include "comm/heartbeat.h"
#include "comm/mpi.h"
#include "comm/quiet_thread.h"
#include "comm/startup_alarm.h"
#include "core/error.h"
#include "core/log.h"

namespace dfm::comm {
namespace {

constexpr double kBeatSeconds = 0.5;
constexpr int kPollMilliseconds = 100;
constexpr double kOwnPauseSeconds = 2;  // a longer gap in this thread: it was stopped itself
constexpr int kJudges = 2;              // rank 0, and rank 1 in its place

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Beat beat_of(int rank) {
  const activity::Now now = activity::now();
  const std::string waits =
      now.collective == nullptr ? "" : fmt::format("{} of {}", now.collective, now.group);
  return {rank, now.phase, now.step, now.progress, waits};
}

// MPI's way also ends ranks that are stopped and those of launchers that do not mind a single exit. It may
// itself hang, so it gets a thread and a moment.
[[noreturn]] void end_job() {
  std::thread([] { MPI_Abort(MPI_COMM_WORLD, static_cast<int>(ExitCode::hang)); }).detach();
  std::this_thread::sleep_for(std::chrono::seconds(2));
  ::_exit(static_cast<int>(ExitCode::hang));
}

}  // namespace

class Watchdog::Keeper {
 public:
  Keeper(const Group& world, const Topology& topology, HangLimits limits, LastWords last_words)
      : rank_(world.rank()),
        socket_(agreed(world, [] { return std::make_unique<HeartbeatSocket>(); })),
        judge_(topology.host_of_rank, limits),
        last_words_(std::move(last_words)) {
    std::uint64_t key = std::random_device{}() | std::uint64_t{std::random_device{}()} << 32U;
    world.broadcast(std::as_writable_bytes(std::span(&key, 1)), 0);
    socket_->set_key(key);
    addresses_ = world.all_gather_text(socket_->address(topology.node_count == 1));
    thread_ = thread_without_signals([this] { run(); });
  }
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;
  ~Keeper() {
    leaving_ = true;
    thread_.join();
  }

 private:
  void run() {
    double beaten = 0, looped = seconds_now();
    while (!leaving_) {
      const double now = seconds_now();
      if (now - looped > kOwnPauseSeconds) judge_.forgive(now);
      looped = now;
      if (now - beaten >= kBeatSeconds) {
        send_to_judges(Message::beat);
        beaten = now;
        if (rank_ < kJudges) judge(now);
      }
      const auto received = socket_->receive(kPollMilliseconds);
      if (received) take(*received);
    }
    send_to_judges(Message::goodbye);
  }

  void send_to_judges(Message kind) {
    const auto judges = std::min<std::size_t>(addresses_.size(), kJudges);
    for (std::size_t i = 0; i < judges; ++i) socket_->send(kind, beat_of(rank_), addresses_[i]);
  }

  void take(const Received& received) {
    if (received.kind == Message::end) ::_exit(static_cast<int>(ExitCode::hang));
    if (received.kind == Message::goodbye) {
      judge_.forget(received.beat.rank);
    } else {
      judge_.note(received.beat, seconds_now());
    }
  }

  void judge(double now) {
    const Verdict verdict = judge_.verdict(now);
    if (verdict == Verdict::moving) has_warned_ = false;
    if (verdict == Verdict::moving || (verdict == Verdict::slow && has_warned_)) return;
    // Rank 1 speaks when rank 0 did not end the job by itself.
    if (verdict == Verdict::hanging && rank_ > 0 && !gave_rank_0_a_moment(now)) return;
    const std::string words = judge_.describe(now);
    if (verdict == Verdict::slow) {
      if (rank_ == 0) log::warn("no progress: {}", words);
      has_warned_ = true;
      return;
    }
    log::error(
        "the run hangs: {}\n         hint: the same command goes on from what is finished; the limits are "
        "watchdog.*_limit_seconds",
        words);
    if (last_words_) last_words_(words);
    for (const std::string& address : addresses_) {
      if (address != addresses_[static_cast<std::size_t>(rank_)]) socket_->send(Message::end, {}, address);
    }
    end_job();
  }

  bool gave_rank_0_a_moment(double now) {
    if (!hanging_since_) hanging_since_ = now;
    return now - *hanging_since_ > 2 * kOwnPauseSeconds;
  }

  int rank_;
  std::unique_ptr<HeartbeatSocket> socket_;
  HangJudge judge_;
  LastWords last_words_;
  std::vector<std::string> addresses_;
  bool has_warned_ = false;
  std::optional<double> hanging_since_;
  std::atomic<bool> leaving_{false};
  std::thread thread_;
};

HangLimits hang_limits(const Config& config) {
  return {.step = config.real("watchdog.step_limit_seconds"),
          .startup = config.real("watchdog.startup_limit_seconds"),
          .save = config.real("watchdog.save_limit_seconds"),
          .staging = config.real("watchdog.staging_limit_seconds")};
}

HangLimits silence_limit(const Config& config) {
  return {.step = 0,
          .startup = 0,
          .save = 0,
          .staging = 0,
          .silence = config.real("watchdog.startup_limit_seconds")};
}

Watchdog::Watchdog(const Group& world, const Topology& topology, HangLimits limits, LastWords last_words) {
  const bool has_limits =
      std::max({limits.step, limits.startup, limits.save, limits.staging, limits.silence}) > 0;
  if (has_limits && world.size() > 1) {
    const StartupAlarm alarm(limits.startup, "starting the watchdog");
    keeper_ = std::make_unique<Keeper>(world, topology, limits, std::move(last_words));
  }
}

Watchdog::~Watchdog() = default;

}  // namespace dfm::comm
