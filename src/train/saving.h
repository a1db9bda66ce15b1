// The checkpoints of a training run: when they are begun, what is written into them, and what is said about
// them. ckpt/saver.h does the writing, beside the steps that follow.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "ckpt/saver.h"
#include "comm/group.h"
#include "config/config.h"
#include "report/journal.h"
#include "train/cadence.h"
#include "train/stop_conditions.h"
#include "train/trainer.h"

namespace dfm::train {

struct SavingSettings {
  Cadence cadence;
  ckpt::SaverSettings saver;
  // Recorded in every checkpoint.
  ckpt::SavedGrid grid;
  double seconds_before = 0;  // training time of earlier starts
  std::string data_fingerprint;
  std::map<std::string, std::string> config;
};

SavingSettings saving_settings(const Config& config);

// Who is told of a checkpoint. Rank 0 only.
struct SavingListeners {
  report::Journal* journal = nullptr;
  StopConditions* stop = nullptr;
};

class Saving {
 public:
  // Removes what interrupted saves left.
  Saving(const Trainer& trainer, const comm::Group& world, SavingSettings settings,
         SavingListeners listeners);

  // What a step has to ask and to wait for.
  StepHooks hooks();
  // Collective, after each step: finishes what is written on all ranks, begins what is due.
  void after_step(const StepResult& result, double step_seconds);
  // Collective, after the last step: returns when it is durable.
  void save_last(const std::string& reason);
  // Collective. Waits for a save in flight.
  void finish();

 private:
  ckpt::Manifest manifest(const std::string& reason) const;
  bool is_due_by_clock() const;
  void begin(const std::string& reason);
  void announce(const std::optional<ckpt::Saved>& saved);

  const Trainer& trainer_;
  const comm::Group& world_;
  SavingSettings settings_;
  SavingListeners listeners_;
  ckpt::Saver saver_;
  SaveCost cost_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now(), last_begun_ = started_;
};

}  // namespace dfm::train
