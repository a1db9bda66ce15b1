// The training loop: step, log, validate, save, stop.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "comm/group.h"
#include "config/config.h"
#include "core/error.h"
#include "report/journal.h"
#include "train/run_log.h"
#include "train/saving.h"
#include "train/stop_conditions.h"
#include "train/trainer.h"

namespace dfm::train {

struct LoopSettings {
  std::int64_t train_iters = 0;
  std::int64_t eval_interval = 0;  // 0: none
  std::optional<std::int64_t> stop_after_steps;
  bool saves_last = true;
  SavingSettings saving;
};

LoopSettings loop_settings(const Config& config);

struct LoopHooks {
  RunLog* log = nullptr;               // rank 0 only
  report::Journal* journal = nullptr;  // rank 0 only
  StopConditions* stop = nullptr;      // rank 0 only
  // Collective. After the given step; throws an error of kind `stopped` when asked to stop meanwhile.
  std::function<void(std::int64_t)> validate = {};
  // Collective. Whether the validation after that step was never finished.
  std::function<bool(std::int64_t)> lacks_validation = {};
};

// Collective. Trains until train_iters or until any rank is asked to stop; saves on the way and, as the
// settings say, at the end. A validation that a stop leaves out is made up for at the next start. Returns
// done or stopped.
ExitCode train(Trainer& trainer, const comm::Group& world, const LoopSettings& settings,
               const LoopHooks& hooks);

}  // namespace dfm::train
