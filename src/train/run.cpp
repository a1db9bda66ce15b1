#include "train/run.h"

#include <memory>

#include <fmt/core.h>

#include "comm/agree.h"
#include "comm/grid_settings.h"
#include "comm/watchdog.h"
#include "core/activity.h"
#include "core/log.h"
#include "core/slurm_time.h"
#include "core/units.h"
#include "train/data_only.h"
#include "train/loop.h"
#include "train/preflight.h"
#include "train/run_journal.h"
#include "train/run_log.h"
#include "train/sampling_weights.h"
#include "train/setup.h"
#include "train/staged_data.h"
#include "train/validation_round.h"

namespace dfm::train {
namespace {

namespace fs = std::filesystem;

// What is read before the model is built; every rank opens the data set for itself.
struct Inputs {
  TrainerSettings trainer;
  data::SampleSource training;
  std::optional<data::SampleSource> validation;
};

Inputs open_inputs(const Config& config, const data::NearbyCopies& copies) {
  Inputs inputs{trainer_settings(config), training_source(config, copies), validation_source(config, copies)};
  require_fitting_text(inputs.training, inputs.trainer.shape);
  return inputs;
}

// Null where there is none.
template <class T>
auto* pointer_to(T& optional) {
  return optional ? &*optional : nullptr;
}

RunLogSettings run_log_settings(const Config& config, ProgressStyle progress) {
  RunLogSettings settings;
  settings.folder = config.optional_text("logger.output").value_or(config.text("checkpoint.save"));
  settings.log_interval = config.integer("logger.log_interval");
  settings.train_iters = config.integer("train.train_iters");
  settings.global_batch_size = config.integer("train.global_batch_size");
  settings.prompts = config.texts("validation.prompts");
  settings.progress = progress;
  return settings;
}

std::vector<report::Fact> facts(const Config& config, const Trainer& trainer, const comm::Topology& topology,
                                const data::SampleSource& training) {
  const model::DitShape& shape = trainer.dit().shape();
  return {{"Model", fmt::format("DiT, {} layers, width {}, {} heads", shape.num_layers, shape.hidden_size,
                                shape.num_attention_heads)},
          {"Parameters", format_count(trainer.parameters().total_count())},
          {"Precision", config.text("train.precision")},
          {"Ranks", fmt::format("{} on {} nodes, {} threads each", topology.host_of_rank.size(),
                                topology.node_count, topology.threads)},
          {"Data", config.flag("dataset.mock") ? "mock" : config.text("dataset.path")},
          {"Samples", format_count(training.count())},
          {"Batch", fmt::format("{} samples", config.integer("train.global_batch_size"))},
          {"Steps", fmt::format("{} of {}", trainer.steps_done(), config.integer("train.train_iters"))},
          {"Seed", std::to_string(config.integer("rng.seed"))}};
}

ckpt::SavedGrid saved_grid(const comm::RankGrid& grid) {
  return {grid.shape().tensor, grid.shape().context, grid.data_size(), grid.shape().pipeline};
}

// Fresh weights, or those of the newest checkpoint, which is returned.
std::optional<ckpt::Listed> start_or_resume(const Config& config, const comm::Group& world,
                                            const std::string& fingerprint, Trainer& trainer) {
  const activity::PhaseScope phase(activity::Phase::loading);
  auto checkpoint =
      resume(config, world, fingerprint, [&](const ckpt::Listed& candidate) { trainer.load(candidate); });
  if (!checkpoint) {
    trainer.initialize();
    return checkpoint;
  }
  log::info("resuming from {} at iteration {}", checkpoint->folder.native(), trainer.steps_done());
  return checkpoint;
}

// Collective. Rank 0 has them.
std::optional<StopConditions> stop_conditions(const Config& config, const comm::Group& world) {
  std::optional<StopConditions> stop;
  comm::agreed(world, [&] {
    if (world.rank() == 0) stop.emplace(stop_settings(config), slurm_end_time());
  });
  return stop;
}

// Collective. Rank 0 has one.
std::unique_ptr<RunLog> open_run_log(const Config& config, const comm::Group& world, ProgressStyle progress,
                                     std::int64_t resumed_step) {
  return comm::agreed(world, [&]() -> std::unique_ptr<RunLog> {
    if (world.rank() != 0) return nullptr;
    return std::make_unique<RunLog>(run_log_settings(config, progress), resumed_step);
  });
}

// Collective. After the last step, from its checkpoint: the one this run saved, or the one it began with.
ExitCode leave_sampling_weights(const Config& config, const comm::Group& world, ProgressStyle progress,
                                const std::optional<ckpt::Listed>& resumed, std::int64_t step) {
  const auto settings = sampling_weights_settings(config);
  if (!settings || step == 0) return ExitCode::done;
  const fs::path checkpoint = resumed && resumed->step == step
                                  ? resumed->folder
                                  : ckpt::checkpoint_folder(config.text("checkpoint.save"), step);
  return write_sampling_weights(world, checkpoint, *settings, progress) ? ExitCode::done : ExitCode::stopped;
}

ExitCode run(const Config& config, const comm::Group& world, const comm::Topology& topology,
             ProgressStyle progress, report::Journal& journal) {
  const comm::Watchdog watchdog(world, topology, comm::hang_limits(config), [&](const std::string& words) {
    journal.record("hang", {{"code", static_cast<int>(ExitCode::hang)}, {"reason", words}});
  });
  comm::agreed(world, [&] { sampling_weights_settings(config); });  // not refused after the last step
  auto stop = stop_conditions(config, world);
  at::set_num_threads(topology.threads);
  const comm::RankGrid grid(world.size(), comm::grid_shape(config));
  const comm::GridGroups groups(world, grid);
  const auto staging = start_staging(config, world);
  if (staging && comm::stop_requested_anywhere(world)) return ExitCode::stopped;
  const Inputs inputs = comm::agreed(world, [&] {
    const activity::PhaseScope phase(activity::Phase::opening_data);
    return open_inputs(config, nearby_copies(staging.get()));
  });
  Trainer trainer(inputs.trainer, groups,
                  data::PrefetchingReader(data::StepReader(
                      inputs.training, reader_settings(config, inputs.trainer.shape, groups.data_context))));
  log::info("{} parameters; {}; {} threads a rank", format_count(trainer.parameters().total_count()),
            grid.describe(), topology.threads);
  const auto checkpoint = start_or_resume(config, world, inputs.training.fingerprint, trainer);
  LoopSettings loop = loop_settings(config);
  loop.saving.grid = saved_grid(grid);
  loop.saving.data_fingerprint = inputs.training.fingerprint;
  if (checkpoint) loop.saving.seconds_before = checkpoint->manifest->seconds_trained;
  if (world.rank() == 0) {
    record_start(journal, topology,
                 {trainer.steps_done(), checkpoint ? checkpoint->folder.native() : "", grid.describe()});
  }

  const auto run_log = open_run_log(config, world, progress, trainer.steps_done());
  const ValidationRound validation(config, trainer, groups, pointer_to(inputs.validation), run_log.get());
  ExitCode code = train(trainer, world, loop,
                        {.log = run_log.get(),
                         .journal = run_log ? &journal : nullptr,
                         .stop = pointer_to(stop),
                         .validate = [&](std::int64_t step) { validation(step); },
                         .lacks_validation = [&](std::int64_t step) { return validation.is_missing(step); }});
  comm::agreed(world, [&] {
    if (run_log) run_log->write_report(facts(config, trainer, topology, inputs.training));
  });
  if (code == ExitCode::done) {
    code = leave_sampling_weights(config, world, progress, checkpoint, trainer.steps_done());
  }
  record_stop(world.rank() == 0 ? &journal : nullptr, world, code);
  return code;
}

}  // namespace

ExitCode run_training(const Config& config, const comm::Group& world, const comm::Topology& topology,
                      ProgressStyle progress) {
  if (config.flag("train.data_only")) return read_data_only(config, world, progress);
  if (config.flag("train.preflight")) {
    at::set_num_threads(topology.threads);
    return preflight(config, world, topology);
  }
  report::Journal journal(fs::path(config.text("checkpoint.save")) / "journal.jsonl");
  try {
    return run(config, world, topology, progress, journal);
  } catch (...) {
    record_failure(journal, world, std::current_exception());
    throw;
  }
}

}  // namespace dfm::train
