// When a run saves: every so many steps, every so many minutes, or as often as a share of the time allows.
// The numbers of a training run do not depend on it. Where both tiers are due, the shared one is saved alone:
// it outlives what a node-local one would.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

namespace dfm::train {

struct Cadence {
  std::int64_t steps = 0;   // 0: not by steps
  double minutes = 0;       // 0: not by minutes
  double max_overhead = 0;  // share of the time that saving may take; 0: not by overhead
};

// The tier that is due; the number travels between the ranks.
enum class Due { nothing, local, shared };

inline bool is_due_at(std::int64_t step, const Cadence& cadence) {
  return cadence.steps > 0 && step % cadence.steps == 0;
}

// last_cost_seconds: what the last save took from training; empty before the first one, which is then made at
// once, to learn it.
inline bool is_due_by_clock(const Cadence& cadence, double seconds_since_last,
                            std::optional<double> last_cost_seconds) {
  if (cadence.minutes > 0 && seconds_since_last >= 60 * cadence.minutes) return true;
  return cadence.max_overhead > 0 &&
         last_cost_seconds.value_or(0) <= cadence.max_overhead * seconds_since_last;
}

// What a save takes from training: the time that the ranks stood still, and how much longer than usual the
// steps took while it was written.
class SaveCost {
 public:
  void begin() { seconds_ = 0; }
  void add_blocked(double seconds) { seconds_ += seconds; }
  void add_step(double seconds, bool beside_a_save) {
    if (beside_a_save) {
      seconds_ += std::max(0.0, seconds - usual_step_seconds_.value_or(seconds));
    } else {
      usual_step_seconds_ = 0.9 * usual_step_seconds_.value_or(seconds) + 0.1 * seconds;
    }
  }
  void finish() { last_ = seconds_; }

  std::optional<double> last() const { return last_; }

 private:
  double seconds_ = 0;
  std::optional<double> usual_step_seconds_, last_;
};

}  // namespace dfm::train
