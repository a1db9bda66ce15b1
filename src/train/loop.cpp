#include "train/loop.h"

#include <chrono>

#include <fmt/core.h>

#include "ckpt/checkpoint.h"
#include "comm/agree.h"
#include "core/activity.h"
#include "core/log.h"
#include "core/stop_token.h"
#include "core/units.h"

namespace dfm::train {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

bool is_due(std::int64_t step, std::int64_t interval) { return interval > 0 && step % interval == 0; }

// Saves at most once a step.
class Saver {
 public:
  Saver(const Trainer& trainer, const comm::Group& world, const LoopSettings& settings, double seconds_before)
      : trainer_(trainer), world_(world), settings_(settings), seconds_before_(seconds_before) {}

  void save() {
    const auto start = Clock::now();
    ckpt::save_checkpoint(world_, settings_.save_folder, manifest(), trainer_.pieces());
    if (world_.rank() != 0) return;
    log::info("checkpoint saved: {} ({:.2f} s)",
              ckpt::checkpoint_folder(settings_.save_folder, trainer_.steps_done()).native(),
              seconds_since(start));
    ckpt::prune_checkpoints(settings_.save_folder, settings_.keep);
  }

 private:
  ckpt::Manifest manifest() const {
    ckpt::Manifest manifest;
    manifest.step = trainer_.steps_done();
    manifest.consumed_samples = trainer_.consumed_samples();
    manifest.seconds_trained = seconds_before_ + seconds_since(started_);
    manifest.data_fingerprint = settings_.data_fingerprint;
    manifest.bad_samples = trainer_.bad_samples();
    manifest.config = settings_.config;
    return manifest;
  }

  const Trainer& trainer_;
  const comm::Group& world_;
  const LoopSettings& settings_;
  double seconds_before_;
  Clock::time_point started_ = Clock::now();
};

StepResult timed_step(Trainer& trainer, const LoopHooks& hooks) {
  const activity::PhaseScope phase(activity::Phase::training);
  const auto start = Clock::now();
  StepResult result = trainer.step();
  const double seconds = seconds_since(start);
  if (hooks.log != nullptr) hooks.log->step(result, seconds);
  if (hooks.stop != nullptr) hooks.stop->note_step(seconds);
  return result;
}

void timed_save(Saver& saver, const LoopHooks& hooks) {
  const activity::PhaseScope phase(activity::Phase::saving);
  const auto start = Clock::now();
  saver.save();
  if (hooks.stop != nullptr) hooks.stop->note_save(seconds_since(start));
}

// A validation runs to its end, or leaves nothing: false when a stop ended it.
bool timed_validation(const LoopHooks& hooks, std::int64_t step) {
  const activity::PhaseScope phase(activity::Phase::validation);
  const auto start = Clock::now();
  try {
    hooks.validate(step);
  } catch (const comm::AgreedError& error) {
    if (error.kind() != ExitCode::stopped) throw;
    return false;
  }
  if (hooks.stop != nullptr) hooks.stop->note_validation(seconds_since(start));
  return true;
}

bool validates_after(std::int64_t step, const LoopSettings& settings) {
  if (settings.eval_interval == 0 || step == 0) return false;
  return is_due(step, settings.eval_interval) || step == settings.train_iters;
}

}  // namespace

LoopSettings loop_settings(const Config& config, const std::string& data_fingerprint) {
  return {.train_iters = config.integer("train.train_iters"),
          .eval_interval = config.integer("train.eval_interval"),
          .save_interval = config.integer("checkpoint.save_interval"),
          .keep = config.integer("checkpoint.most_recent_k"),
          .stop_after_steps = config.optional_integer("train.stop_after_steps"),
          .save_folder = config.text("checkpoint.save"),
          .data_fingerprint = data_fingerprint,
          .config = config.values_as_text()};
}

ExitCode train(Trainer& trainer, const comm::Group& world, const LoopSettings& settings,
               const LoopHooks& hooks, double seconds_before) {
  Saver saver(trainer, world, settings, seconds_before);
  const std::int64_t first_step = trainer.steps_done();
  bool stopping = comm::stop_requested_anywhere(world);
  bool owes_validation = validates_after(first_step, settings) && hooks.lacks_validation(first_step);
  const auto validate = [&] {
    owes_validation = stopping || !timed_validation(hooks, trainer.steps_done());
    stopping = owes_validation;
  };
  if (owes_validation) validate();
  while (!stopping && trainer.steps_done() < settings.train_iters) {
    const std::int64_t next = trainer.steps_done() + 1;
    if (hooks.stop != nullptr) hooks.stop->check(validates_after(next, settings));
    const StepResult result = timed_step(trainer, hooks);
    if (settings.stop_after_steps && result.step - first_step >= *settings.stop_after_steps) {
      StopToken::request("train.stop_after_steps");
      stopping = true;
    }
    stopping = stopping || result.stop_requested;
    if (validates_after(result.step, settings)) validate();
    const bool is_last = result.step == settings.train_iters;
    if (is_last || stopping || is_due(result.step, settings.save_interval)) timed_save(saver, hooks);
  }
  if (trainer.steps_done() >= settings.train_iters && !owes_validation) return ExitCode::done;
  log::info("stopping at iteration {}", trainer.steps_done());
  return ExitCode::stopped;
}

}  // namespace dfm::train
