#include "train/loop.h"

#include <chrono>

#include "comm/agree.h"
#include "comm/common_failure.h"
#include "core/activity.h"
#include "core/log.h"
#include "core/stop_token.h"

namespace dfm::train {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

bool is_due(std::int64_t step, std::int64_t interval) { return interval > 0 && step % interval == 0; }

struct TimedStep {
  StepResult result;
  double seconds = 0;
};

TimedStep timed_step(Trainer& trainer, const StepHooks& step_hooks, const LoopHooks& hooks) {
  const activity::PhaseScope phase(activity::Phase::training);
  const auto start = Clock::now();
  const StepResult result = trainer.step(step_hooks);
  const double seconds = seconds_since(start);
  if (hooks.log != nullptr) hooks.log->step(result, seconds);
  if (hooks.stop != nullptr) hooks.stop->note_step(seconds);
  return {result, seconds};
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

// What could not be read is in the journal, too.
class BadSampleRecord {
 public:
  BadSampleRecord(const Trainer& trainer, report::Journal* journal)
      : trainer_(trainer), journal_(journal), recorded_(trainer.bad_samples().size()) {}

  void update() {
    for (; recorded_ < trainer_.bad_samples().size(); ++recorded_) {
      if (journal_ == nullptr) continue;
      journal_->record("bad_sample",
                       {{"step", trainer_.steps_done()}, {"problem", trainer_.bad_samples()[recorded_]}});
    }
  }

 private:
  const Trainer& trainer_;
  report::Journal* journal_;
  std::size_t recorded_;
};

// Trains until train_iters, or until it is asked to stop. Returns done or stopped.
ExitCode take_steps(Trainer& trainer, const comm::Group& world, Saving& saving, const LoopSettings& settings,
                    const LoopHooks& hooks) {
  const std::int64_t first_step = trainer.steps_done();
  bool stopping = comm::stop_requested_anywhere(world);
  bool owes_validation = validates_after(first_step, settings) && hooks.lacks_validation(first_step);
  const auto validate = [&] {
    owes_validation = stopping || !timed_validation(hooks, trainer.steps_done());
    stopping = owes_validation;
  };
  const auto is_finished = [&] { return trainer.steps_done() >= settings.train_iters && !owes_validation; };
  // What is told to stop saves in any case: the same command goes on from there.
  const auto save_last = [&](const std::string& reason) {
    if (settings.saves_last || !is_finished())
      saving.save_last(reason);
    else
      saving.finish();
  };
  if (owes_validation) validate();
  BadSampleRecord bad_samples(trainer, hooks.journal);
  while (!stopping && trainer.steps_done() < settings.train_iters) {
    const std::int64_t next = trainer.steps_done() + 1;
    if (hooks.stop != nullptr) hooks.stop->check(validates_after(next, settings));
    const auto [result, seconds] = timed_step(trainer, saving.hooks(), hooks);
    bad_samples.update();
    if (settings.stop_after_steps && result.step - first_step >= *settings.stop_after_steps) {
      StopToken::request("train.stop_after_steps");
      stopping = true;
    }
    stopping = stopping || result.stop_requested;
    if (validates_after(result.step, settings)) validate();
    if (stopping || result.step == settings.train_iters) {
      save_last(result.step == settings.train_iters ? "final" : "stop");
    } else {
      saving.after_step(result, seconds);
    }
  }
  if (saving.owes_shared()) save_last("stop");  // no step was taken; the nodes may be others next time
  return is_finished() ? ExitCode::done : ExitCode::stopped;
}

// An error that all ranks have met does not cost the save that is in flight.
void finish_quietly(Saving& saving) {
  try {
    saving.finish();
  } catch (const comm::AgreedError& error) {
    log::warn("the checkpoint that was being written is lost: {}", error.what());
  }
}

}  // namespace

LoopSettings loop_settings(const Config& config) {
  return {.train_iters = config.integer("train.train_iters"),
          .eval_interval = config.integer("train.eval_interval"),
          .stop_after_steps = config.optional_integer("train.stop_after_steps"),
          .saves_last = config.flag("checkpoint.save_last"),
          .saving = saving_settings(config)};
}

ExitCode train(Trainer& trainer, const comm::Group& world, const LoopSettings& settings,
               const LoopHooks& hooks) {
  const comm::Group failures = world.split(0, "failures");
  Saving saving(trainer, world, settings.saving, {hooks.log, hooks.journal, hooks.stop});
  try {
    const ExitCode code =
        comm::told_once(failures, [&] { return take_steps(trainer, world, saving, settings, hooks); });
    if (code == ExitCode::stopped) log::info("stopping at iteration {}", trainer.steps_done());
    return code;
  } catch (const comm::AgreedError&) {
    finish_quietly(saving);
    throw;
  }
}

}  // namespace dfm::train
