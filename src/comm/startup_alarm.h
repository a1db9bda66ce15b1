// Ends a job whose start or end does not get over: while MPI starts, until the watchdog runs
// (comm/watchdog.h), and while MPI ends, a rank that stands still would keep all others waiting for ever.
//
//   const StartupAlarm alarm(limit_seconds, "starting MPI");   // ends with its scope
//
// Which rank stands still cannot be known yet; every rank that waits says so, and leaves with ExitCode::hang,
// upon which the launcher ends the rest.
#pragma once

#include <atomic>
#include <string>
#include <thread>

namespace dfm::comm {

class StartupAlarm {
 public:
  // 0: no limit. Time in which the process itself was stopped does not count.
  StartupAlarm(double limit_seconds, std::string doing);
  StartupAlarm(const StartupAlarm&) = delete;
  StartupAlarm& operator=(const StartupAlarm&) = delete;
  ~StartupAlarm();

 private:
  void run() const;

  double limit_seconds_;
  std::string doing_;
  std::atomic<bool> is_over_{false};
  std::thread thread_;
};

}  // namespace dfm::comm
