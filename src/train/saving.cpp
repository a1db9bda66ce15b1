#include "train/saving.h"

#include "ckpt/checkpoint.h"
#include "ckpt/commit.h"
#include "ckpt/pointer.h"
#include "comm/agree.h"
#include "core/activity.h"
#include "core/log.h"

namespace dfm::train {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

ckpt::Tier shared_tier_of(const comm::Group& world, const SavingSettings& settings) {
  ckpt::Tier tier = ckpt::shared_tier(world, settings.saver.root, settings.saver.retention);
  return settings.local ? ckpt::with_local_tidied(std::move(tier), *settings.local->nodes) : tier;
}

// Collective. What local checkpoints note, to know later that someone lowered the pointer.
std::int64_t newest_shared_step(const comm::Group& world, const std::filesystem::path& root) {
  std::int64_t step =
      comm::agreed(world, [&] { return world.rank() == 0 ? ckpt::read_pointer(root).value_or(0) : 0; });
  world.broadcast(std::as_writable_bytes(std::span(&step, 1)), 0);
  return step;
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
      shared_{shared_tier_of(world, settings_), settings_.cadence},
      saver_(world, shared_.tier, settings_.saver.async),
      owes_shared_(settings_.started_from_local) {
  if (world.rank() == 0) ckpt::remove_unfinished(settings_.saver.root);
  if (!settings_.local) return;
  local_ = Target{ckpt::local_tier(*settings_.local->nodes, settings_.local->tier), settings_.local->cadence};
  shared_step_ = newest_shared_step(world, settings_.saver.root);
}

StepHooks Saving::hooks() {
  return {.vote =
              [this] {
                return StepVote{saver_.is_ready(), due_by_clock()};
              },
          .before_update = [this] { saver_.wait_for_copy(); }};
}

// Rank 0's clock decides for all.
Due Saving::due_by_clock() const {
  if (world_.rank() != 0 || saver_.in_flight()) return Due::nothing;
  if (is_due_by_clock(shared_.cadence, seconds_since(shared_.last_begun), cost_.last())) return Due::shared;
  if (local_ && is_due_by_clock(local_->cadence, seconds_since(local_->last_begun), {})) return Due::local;
  return Due::nothing;
}

void Saving::after_step(const StepResult& result, double step_seconds) {
  if (saver_.tier_in_flight() != ckpt::kLocalTier) cost_.add_step(step_seconds, saver_.in_flight());
  if (saver_.in_flight() && result.saves_ready) advance();
  if (is_due_at(result.step, shared_.cadence)) {
    begin(shared_, "interval");
  } else if (result.save_due == Due::shared) {
    begin(shared_, "time");
  } else if (local_) {
    after_step_local(result);
  }
}

// Never waits for a save in flight: it is made after the step that ends that one.
void Saving::after_step_local(const StepResult& result) {
  const bool by_steps = is_due_at(result.step, local_->cadence) || local_->is_postponed;
  if (!by_steps && result.save_due != Due::local) return;
  local_->is_postponed = saver_.in_flight();
  if (!local_->is_postponed) begin(*local_, by_steps ? "interval" : "time");
}

void Saving::begin(Target& target, const std::string& reason) {
  const activity::PhaseScope phase(activity::Phase::saving);
  const auto start = Clock::now();
  finish();
  if (local_) {  // the one that follows is at least as good
    local_->last_begun = start;
    local_->is_postponed = false;
  }
  target.last_begun = start;
  const bool is_shared = target.tier.name == ckpt::kSharedTier;
  if (is_shared) make_steps_durable();
  if (is_shared) cost_.begin();
  surviving_local_failure(target.tier.name,
                          [&] { return saver_.begin(target.tier, manifest(reason), trainer_.pieces()); });
  if (is_shared) cost_.add_blocked(seconds_since(start));
}

void Saving::advance() {
  const activity::PhaseScope phase(activity::Phase::saving);
  surviving_local_failure(saver_.tier_in_flight(), [&] { return saver_.advance(); });
}

void Saving::save_last(const std::string& reason) {
  const activity::PhaseScope phase(activity::Phase::saving);
  finish();
  make_steps_durable();
  announce(saver_.save_now(manifest(reason), trainer_.pieces()));
}

void Saving::make_steps_durable() const {
  if (listeners_.log != nullptr) listeners_.log->make_steps_durable();
}

void Saving::finish() {
  surviving_local_failure(saver_.tier_in_flight(), [&] { return saver_.finish(); });
}

// A node's disk that fails or is full costs node-local checkpoints; the run goes on with the shared ones.
template <class Body>
void Saving::surviving_local_failure(const std::string& tier, Body&& body) {
  try {
    announce(body());
  } catch (const comm::AgreedError& error) {
    const bool is_of_disk = error.kind() == ExitCode::storage || error.kind() == ExitCode::data;
    if (tier != ckpt::kLocalTier || !is_of_disk) throw;
    announce_failure(error);
  }
}

void Saving::announce_failure(const Error& error) {
  if (world_.rank() != 0) return;
  log::warn("no node-local checkpoint this time: {}", error.what());
  if (listeners_.journal != nullptr)
    listeners_.journal->record("checkpoint_failed", {{"tier", ckpt::kLocalTier}, {"reason", error.what()}});
}

void Saving::announce(const std::optional<ckpt::Saved>& saved) {
  if (!saved) return;
  const bool is_shared = saved->tier == ckpt::kSharedTier;
  if (is_shared) {
    cost_.finish();
    shared_step_ = saved->step;
    owes_shared_ = false;
  }
  if (world_.rank() != 0) return;
  log::info("checkpoint saved: {} ({:.2f} s, training waited {:.2f} s)", saved->folder.native(),
            saved->seconds_written, saved->seconds_blocked);
  if (is_shared && listeners_.stop != nullptr) listeners_.stop->note_save(saved->seconds_written);
  if (listeners_.journal == nullptr) return;
  listeners_.journal->record("checkpoint", {{"step", saved->step},
                                            {"tier", saved->tier},
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
  manifest.shared_step = shared_step_;
  manifest.data_fingerprint = settings_.data_fingerprint;
  manifest.bad_samples = trainer_.bad_samples();
  manifest.quarantine = trainer_.quarantine();
  manifest.config = settings_.config;
  return manifest;
}

}  // namespace dfm::train
