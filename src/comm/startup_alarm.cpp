#include "comm/startup_alarm.h"

#include <array>
#include <chrono>

#include <unistd.h>

#include "comm/quiet_thread.h"
#include "core/error.h"
#include "core/log.h"

namespace dfm::comm {
namespace {

constexpr auto kTick = std::chrono::milliseconds(20);

// MPI's name of the host is not to be had before MPI is up.
std::string system_host_name() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

}  // namespace

StartupAlarm::StartupAlarm(double limit_seconds, std::string doing)
    : limit_seconds_(limit_seconds), doing_(std::move(doing)) {
  if (limit_seconds_ > 0) thread_ = thread_without_signals([this] { run(); });
}

StartupAlarm::~StartupAlarm() {
  is_over_ = true;
  if (thread_.joinable()) thread_.join();
}

// Ticks are counted, not the clock: a process that was suspended has not waited.
void StartupAlarm::run() const {
  // Perhaps more than an integer counts.
  const double ticks = limit_seconds_ / std::chrono::duration<double>(kTick).count();
  for (std::int64_t i = 0; static_cast<double>(i) < ticks; ++i) {
    std::this_thread::sleep_for(kTick);
    if (is_over_) return;
  }
  log::error(
      "{} on {} has not ended after {:.0f} s: another rank stands still or has not come up\n"
      "         hint: look for a node that does not answer; the limit is watchdog.startup_limit_seconds",
      doing_, system_host_name(), limit_seconds_);
  ::_exit(static_cast<int>(ExitCode::hang));
}

}  // namespace dfm::comm
