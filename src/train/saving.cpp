#include "train/saving.h"

#include "ckpt/checkpoint.h"
#include "ckpt/commit.h"
#include "core/activity.h"
#include "core/log.h"

namespace dfm::train {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

SavingSettings saving_settings(const Config& config) {
  SavingSettings settings;
  settings.cadence = {.steps = config.integer("checkpoint.save_interval"),
                      .minutes = config.optional_real("checkpoint.save_minutes").value_or(0),
                      .max_overhead = config.optional_real("checkpoint.max_overhead").value_or(0)};
  settings.saver = {.root = config.text("checkpoint.save"),
                    .retention = {.most_recent = config.integer("checkpoint.most_recent_k"),
                                  .every = config.integer("checkpoint.keep_every")},
                    .async = config.flag("checkpoint.async_save")};
  settings.config = config.values_as_text();
  return settings;
}

Saving::Saving(const Trainer& trainer, const comm::Group& world, SavingSettings settings,
               SavingListeners listeners)
    : trainer_(trainer),
      world_(world),
      settings_(std::move(settings)),
      listeners_(listeners),
      saver_(world, settings_.saver) {
  if (world.rank() == 0) ckpt::remove_unfinished(settings_.saver.root);
}

StepHooks Saving::hooks() {
  return {.vote =
              [this] {
                return StepVote{saver_.is_ready(), is_due_by_clock()};
              },
          .before_update = [this] { saver_.wait_for_copy(); }};
}

// Rank 0's clock decides for all.
bool Saving::is_due_by_clock() const {
  return world_.rank() == 0 && !saver_.in_flight() &&
         train::is_due_by_clock(settings_.cadence, seconds_since(last_begun_), cost_.last());
}

void Saving::after_step(const StepResult& result, double step_seconds) {
  cost_.add_step(step_seconds, saver_.in_flight());
  if (saver_.in_flight() && result.saves_ready) {
    const activity::PhaseScope phase(activity::Phase::saving);
    announce(saver_.advance());
  }
  if (is_due_at(result.step, settings_.cadence)) {
    begin("interval");
  } else if (result.save_due) {
    begin("time");
  }
}

void Saving::begin(const std::string& reason) {
  const activity::PhaseScope phase(activity::Phase::saving);
  const auto start = Clock::now();
  announce(saver_.finish());
  cost_.begin();
  last_begun_ = start;
  announce(saver_.begin(manifest(reason), trainer_.pieces()));
  cost_.add_blocked(seconds_since(start));
}

void Saving::save_last(const std::string& reason) {
  const activity::PhaseScope phase(activity::Phase::saving);
  finish();
  announce(saver_.save_now(manifest(reason), trainer_.pieces()));
}

void Saving::finish() { announce(saver_.finish()); }

void Saving::announce(const std::optional<ckpt::Saved>& saved) {
  if (!saved) return;
  cost_.finish();
  if (world_.rank() != 0) return;
  log::info("checkpoint saved: {} ({:.2f} s, training waited {:.2f} s)", saved->folder.native(),
            saved->seconds_written, saved->seconds_blocked);
  if (listeners_.stop != nullptr) listeners_.stop->note_save(saved->seconds_written);
  if (listeners_.journal == nullptr) return;
  listeners_.journal->record("checkpoint", {{"step", saved->step},
                                            {"tier", "shared"},
                                            {"reason", saved->reason},
                                            {"bytes", saved->bytes},
                                            {"seconds_blocked", saved->seconds_blocked},
                                            {"seconds_written", saved->seconds_written}});
}

ckpt::Manifest Saving::manifest(const std::string& reason) const {
  ckpt::Manifest manifest;
  manifest.step = trainer_.steps_done();
  manifest.consumed_samples = trainer_.consumed_samples();
  manifest.grid = settings_.grid;
  manifest.seconds_trained = settings_.seconds_before + seconds_since(started_);
  manifest.reason = reason;
  manifest.data_fingerprint = settings_.data_fingerprint;
  manifest.bad_samples = trainer_.bad_samples();
  manifest.quarantine = trainer_.quarantine();
  manifest.config = settings_.config;
  return manifest;
}

}  // namespace dfm::train
