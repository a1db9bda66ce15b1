// What ends a run early besides signals: the Slurm time limit, train.exit_duration_in_mins and the HALT file.
//
// Rank 0 alone has one and asks it before each step; what it finds goes into the stop token, which the ranks
// agree on within the step. So a run that is to stop before a moment must be told two steps and a save
// earlier.
#pragma once

#include <chrono>
#include <deque>
#include <filesystem>
#include <optional>

#include "config/config.h"

namespace dfm::train {

struct StopSettings {
  std::filesystem::path halt_file = {};
  std::optional<double> minutes = {};  // from the start of this run
  double margin_seconds = 60;          // before the Slurm time limit
};

StopSettings stop_settings(const Config& config);

class StopConditions {
 public:
  using Wall = std::chrono::system_clock;
  using Steady = std::chrono::steady_clock;

  // Throws a usage error when the HALT file is there: it says stop, so a start must not run past it. job_end:
  // of the Slurm job, where it has one.
  StopConditions(StopSettings settings, std::optional<Wall::time_point> job_end);

  void note_step(double seconds);
  void note_save(double seconds) { save_seconds_ = seconds; }
  void note_validation(double seconds) { validation_seconds_ = seconds; }

  // Asks the stop token when it is time. validates: after the step that is next.
  void check(bool validates);

 private:
  double seconds_left() const;
  bool halt_file_is_there();

  StopSettings settings_;
  std::optional<Wall::time_point> job_end_;
  Steady::time_point started_ = Steady::now();
  Steady::time_point looked_for_file_{};
  std::deque<double> recent_steps_;  // seconds
  double save_seconds_ = 0;
  double validation_seconds_ = 0;
};

}  // namespace dfm::train
