#include "train/loop.h"

#include <chrono>

#include <fmt/core.h>

#include "ckpt/checkpoint.h"
#include "comm/agree.h"
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

StepResult timed_step(Trainer& trainer, RunLog* run_log) {
  const auto start = Clock::now();
  StepResult result = trainer.step();
  if (run_log != nullptr) run_log->step(result, seconds_since(start));
  return result;
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
  while (!stopping && trainer.steps_done() < settings.train_iters) {
    const StepResult result = timed_step(trainer, hooks.log);
    const bool is_last = result.step == settings.train_iters;
    if (settings.stop_after_steps && result.step - first_step >= *settings.stop_after_steps) {
      StopToken::request("train.stop_after_steps");
      stopping = true;
    }
    stopping = stopping || result.stop_requested;
    if (is_due(result.step, settings.eval_interval) || (is_last && settings.eval_interval > 0)) {
      hooks.validate(result.step);
    }
    if (is_last || stopping || is_due(result.step, settings.save_interval)) saver.save();
  }
  if (trainer.steps_done() >= settings.train_iters) return ExitCode::done;
  log::info("stopping at iteration {}: {}", trainer.steps_done(),
            StopToken::requested() ? StopToken::reason() : "another rank was asked to");
  return ExitCode::stopped;
}

}  // namespace dfm::train
