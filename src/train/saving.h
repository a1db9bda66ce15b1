// The checkpoints of a training run: when they are begun, what is written into them, and what is said about
// them. ckpt/saver.h does the writing, beside the steps that follow.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "ckpt/local_tier.h"
#include "ckpt/saver.h"
#include "comm/group.h"
#include "config/config.h"
#include "report/journal.h"
#include "train/cadence.h"
#include "train/run_log.h"
#include "train/stop_conditions.h"
#include "train/trainer.h"

namespace dfm::train {

// The node-local tier of a run that has one.
struct LocalSaving {
  const ckpt::LocalNodes* nodes = nullptr;
  ckpt::LocalTierSettings tier;
  Cadence cadence;
};

struct SavingSettings {
  Cadence cadence;
  ckpt::SaverSettings saver;
  std::optional<LocalSaving> local;
  bool started_from_local = false;  // what the run stands on is in no shared checkpoint
  // Recorded in every checkpoint.
  ckpt::SavedGrid grid;
  double seconds_before = 0;  // training time of earlier starts
  std::string data_fingerprint;
  std::map<std::string, std::string> config;
};

SavingSettings saving_settings(const Config& config);

// Who is told of a checkpoint. Rank 0 only.
struct SavingListeners {
  const RunLog* log = nullptr;
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
  // Collective, after the last step: returns when it is durable in the shared tier.
  void save_last(const std::string& reason);
  // Whether a node-local checkpoint is all that holds the present state.
  bool owes_shared() const { return owes_shared_; }
  // Collective. Waits for a save in flight.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;

  // A tier and when it was saved to.
  struct Target {
    ckpt::Tier tier;
    Cadence cadence;
    Clock::time_point last_begun = Clock::now();
    bool is_postponed = false;
  };

  ckpt::Manifest manifest(const std::string& reason) const;
  Due due_by_clock() const;
  void after_step_local(const StepResult& result);
  void begin(Target& target, const std::string& reason);
  void advance();
  void make_steps_durable() const;
  void announce(const std::optional<ckpt::Saved>& saved);
  void announce_failure(const Error& error);
  template <class Body>
  void surviving_local_failure(const std::string& tier, Body&& body);

  const Trainer& trainer_;
  const comm::Group& world_;
  SavingSettings settings_;
  SavingListeners listeners_;
  Clock::time_point started_ = Clock::now();
  Target shared_;
  std::optional<Target> local_;
  ckpt::Saver saver_;
  SaveCost cost_;                 // of the shared tier
  std::int64_t shared_step_ = 0;  // of the newest checkpoint there
  bool owes_shared_ = false;
};

}  // namespace dfm::train
