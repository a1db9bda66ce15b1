// Judges from the heartbeats of all ranks whether a job still moves. Pure: time comes from outside.
//
// A rank is silent when its heartbeat stops (the process is stopped, its node is gone), and stuck when the
// heartbeat goes on but nothing happens. Those who wait in a collective wait for one of these.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/activity.h"

namespace dfm::comm {

// In seconds; 0: no limit.
struct HangLimits {
  double step = 600;
  double startup = 1800;  // and everything else that has no limit of its own
  double save = 1800;
  double staging = 7200;
  double silence = 0;  // of a rank whose heartbeat has stopped, whatever it does
};

struct Beat {
  std::int32_t rank = 0;
  activity::Phase phase = activity::Phase::starting;
  std::int64_t step = 0;
  std::uint64_t progress = 0;
  std::string waits;  // "all_reduce of dp"; empty: computes
};

enum class Verdict { moving, slow, hanging };  // slow: half the limit is over

class HangJudge {
 public:
  HangJudge(std::vector<std::string> host_of_rank, HangLimits limits);

  void note(const Beat& beat, double now);
  // A rank that left in order is not missed.
  void forget(int rank) { ranks_.at(static_cast<std::size_t>(rank)).known = false; }
  // The judge itself was stopped for a while: nobody is blamed for that time.
  void forgive(double now);

  Verdict verdict(double now) const;
  // "rank 2 on node7 is silent since 31 s (training, step 12); 3 ranks wait in all_reduce of dp".
  std::string describe(double now) const;

 private:
  struct Rank {
    Beat last;
    bool known = false;  // heard of at least once
    double heard = 0, moved = 0, step_began = 0;
  };

  double limit_of(const Rank& rank) const;
  std::vector<std::size_t> culprits(double now) const;

  std::vector<std::string> hosts_;
  HangLimits limits_;
  std::vector<Rank> ranks_;
  double longest_step_ = 0;
};

}  // namespace dfm::comm
