// Ends a job that hangs, and names who keeps it.
//
// A thread of each rank sends a heartbeat with what the rank does (core/activity.h) to rank 0 and to rank 1,
// which stands in when rank 0 is the one that is silent. It is a small UDP message, since MPI may be what
// hangs. Half a limit without progress is a warning, the whole limit ends all ranks with ExitCode::hang.
// Whatever a rank waits in, of any transport, only has to be noted in core/activity.h.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "comm/group.h"
#include "comm/hang_judge.h"
#include "comm/topology.h"
#include "config/config.h"

namespace dfm::comm {

// Of training, which notes each step.
HangLimits hang_limits(const Config& config);
// Of programs that may be busy with one thing for any time: only a rank whose process stands still, or whose
// node is gone, ends them.
HangLimits silence_limit(const Config& config);

class Watchdog {
 public:
  // If any, called with the description, on the rank that judges, right before the job ends.
  using LastWords = std::function<void(const std::string&)>;

  // Collective. A world of one rank has nobody to watch it.
  Watchdog(const Group& world, const Topology& topology, HangLimits limits, LastWords last_words);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog();

 private:
  class Keeper;
  std::unique_ptr<Keeper> keeper_;
};

}  // namespace dfm::comm
