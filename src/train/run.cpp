#include "train/run.h"

#include <memory>
#include <optional>

#include <fmt/core.h>

#include "comm/agree.h"
#include "comm/grid_settings.h"
#include "comm/locked_folder.h"
#include "comm/watchdog.h"
#include "core/activity.h"
#include "core/log.h"
#include "core/slurm_time.h"
#include "core/stop_token.h"
#include "core/units.h"
#include "encoders/encoder_settings.h"
#include "nn/device.h"
#include "nn/rank_device.h"
#include "train/data_only.h"
#include "train/idle_keys.h"
#include "train/layout_check.h"
#include "train/loop.h"
#include "train/node_tier.h"
#include "train/pictures.h"
#include "train/plan_report.h"
#include "train/preflight.h"
#include "train/run_journal.h"
#include "train/run_log.h"
#include "train/sampling_weights.h"
#include "train/setup.h"
#include "train/staged_data.h"
#include "train/validation_round.h"
#include "train/weights_start.h"

namespace dfm::train {
namespace {

namespace fs = std::filesystem;

// What every part of a run needs.
struct Surroundings {
  const Config& config;
  const comm::Group& world;
  const comm::Topology& topology;
  ProgressStyle progress;
  report::Journal& journal;

  report::Journal* journal_on_rank_0() const { return world.rank() == 0 ? &journal : nullptr; }
};

// What is read before the model is built.
struct Inputs {
  TrainerSettings trainer;
  data::SampleSource training;
  std::optional<data::SampleSource> validation;
};

// Collective.
Inputs open_inputs(const Surroundings& here, const DataIndex& index, stage::Staging* staging) {
  return comm::agreed(here.world, [&] {
    const activity::PhaseScope phase(activity::Phase::opening_data);
    StopToken::throw_if_requested();
    const data::NearbyCopies copies = nearby_copies(staging);
    Inputs inputs{trainer_settings(here.config), training_source(here.config, index, copies),
                  validation_source(here.config, index, copies)};
    require_fitting_text(inputs.training, inputs.trainer.model);
    encoders::encoder_settings(here.config);  // throws for names that samples from the weights would not know
    if (inputs.validation)
      require_fitting_prompts(here.config, inputs.trainer.model, latent_edge(&*inputs.validation));
    return inputs;
  });
}

// Null where there is none.
template <class T>
auto* pointer_to(T& optional) {
  return optional ? &*optional : nullptr;
}

// The parameters of the whole network, whichever ranks share it. Nothing is allocated.
nn::ParameterList declared(const model::BackboneSpec& model) {
  nn::ParameterList parameters;
  model.build(parameters);
  return parameters;
}

std::vector<report::Fact> facts(const Surroundings& here, const Trainer& trainer, const Inputs& inputs) {
  const auto& [config, world, topology, progress, journal] = here;
  return {{"Model", inputs.trainer.model.title},
          {"Parameters", format_count(declared(inputs.trainer.model).total_count())},
          {"Precision", config.text("train.precision")},
          {"Device", nn::describe(trainer.parameters().device())},
          {"Ranks", fmt::format("{} on {} nodes, {} threads each", topology.host_of_rank.size(),
                                topology.node_count, topology.threads)},
          {"Data", config.flag("dataset.mock") ? "mock" : config.text("dataset.path")},
          {"Samples", format_count(inputs.training.count())},
          {"Batch", fmt::format("{} samples", config.integer("train.global_batch_size"))},
          {"Steps", fmt::format("{} of {}", trainer.steps_done(), config.integer("train.train_iters"))},
          {"Seed", std::to_string(config.integer("rng.seed"))}};
}

// The weights of step 0: drawn, or those of another run.
void begin(const Surroundings& here, Trainer& trainer) {
  const auto path = weights_to_start_from(here.config);
  if (!path) return trainer.initialize();
  trainer.begin_with(
      starting_weights(here.world, *path, here.config, declared(model::backbone_spec(here.config))));
  log::info("starting at iteration 0 from the weights of {}", path->native());
}

// Fresh weights, or those of the newest checkpoint, which is returned.
std::optional<ckpt::Listed> start_or_resume(const Surroundings& here, const std::string& fingerprint,
                                            const NodeTier& node_tier, Trainer& trainer) {
  const activity::PhaseScope phase(activity::Phase::loading);
  auto local = node_tier.look(here.world);
  auto checkpoint = resume(
      here.config, here.world, fingerprint, [&](const ckpt::Listed& candidate) { trainer.load(candidate); },
      pointer_to(local));
  node_tier.warn_of_lost_steps(here.world, checkpoint ? checkpoint->step : 0);
  if (!checkpoint) {
    begin(here, trainer);
    return checkpoint;
  }
  log::info("resuming from {} at iteration {}", checkpoint->folder.native(), trainer.steps_done());
  return checkpoint;
}

// Collective. Rank 0 has them.
std::optional<StopConditions> stop_conditions(const Surroundings& here) {
  std::optional<StopConditions> stop;
  comm::agreed(here.world, [&] {
    if (here.world.rank() == 0) stop.emplace(stop_settings(here.config), slurm_end_time());
  });
  return stop;
}

// Collective. Rank 0 has one.
std::unique_ptr<RunLog> open_run_log(const Surroundings& here, std::int64_t resumed_step) {
  return comm::agreed(here.world, [&]() -> std::unique_ptr<RunLog> {
    if (here.world.rank() != 0) return nullptr;
    return std::make_unique<RunLog>(run_log_settings(here.config, here.progress), resumed_step);
  });
}

// Collective. After the last step, from its checkpoint: the one this run saved, or the one it began with.
ExitCode leave_sampling_weights(const Surroundings& here, const std::optional<ckpt::Listed>& resumed,
                                std::int64_t step) {
  const auto settings = sampling_weights_settings(here.config);
  if (!settings || step == 0) return ExitCode::done;
  const bool was_shared = resumed && resumed->manifest->tier == ckpt::kSharedTier;
  const fs::path checkpoint = was_shared && resumed->step == step
                                  ? resumed->folder
                                  : ckpt::checkpoint_folder(here.config.text("checkpoint.save"), step);
  const auto report = write_sampling_weights(here.world, checkpoint, *settings, here.progress);
  if (!report) return ExitCode::stopped;
  if (auto* const journal = here.journal_on_rank_0())
    record_sampling_weights(*journal, {checkpoint, settings->output, *report});
  return ExitCode::done;
}

void tell_memory(const at::Device& device) {
  if (device.is_cpu()) return;
  const nn::DeviceMemory memory = nn::device_memory(device);
  log::info("memory of the GPU: tensors took {} of {} at most",
            format_bytes(static_cast<std::uint64_t>(memory.most_bytes)),
            format_bytes(static_cast<std::uint64_t>(memory.total_bytes)));
}

// A trainer that stands where it begins, and what it stands on.
struct Prepared {
  const Inputs& inputs;
  const comm::GridGroups& groups;
  Trainer& trainer;
  const std::optional<ckpt::Listed>& resumed;
  LoopSettings loop;
};

LoopSettings loop_from(const Surroundings& here, const comm::RankGrid& grid, const Inputs& inputs,
                       const std::optional<ckpt::Listed>& resumed) {
  LoopSettings loop = loop_settings(here.config);
  loop.saving.grid = {grid.shape().tensor, grid.shape().context, grid.data_size(), grid.shape().pipeline};
  loop.saving.data_fingerprint = inputs.training.fingerprint;
  if (!resumed) return loop;
  loop.saving.seconds_before = resumed->manifest->seconds_trained;
  loop.saving.started_from_local = resumed->manifest->tier == ckpt::kLocalTier;
  return loop;
}

// The run is what its checkpoints are: a report that cannot be written, as on a disk that others have filled
// since, changes nothing about how it ended.
void write_report(const RunLog& log, const std::vector<report::Fact>& facts) {
  try {
    log.write_report(facts);
  } catch (const std::exception& error) {
    log::warn("the run ends without a report: {}", error.what());
  }
}

// Collective. From the first step to the report.
ExitCode take_steps(const Surroundings& here, const Prepared& run, StopConditions* stop) {
  Trainer& trainer = run.trainer;
  const auto run_log = open_run_log(here, trainer.steps_done());
  const ValidationRound validation(here.config, trainer, run.groups, pointer_to(run.inputs.validation),
                                   run_log.get());
  const ExitCode code =
      train(trainer, here.world, run.loop,
            {.log = run_log.get(),
             .journal = here.journal_on_rank_0(),
             .stop = stop,
             .validate = [&](std::int64_t step) { validation(step); },
             .lacks_validation = [&](std::int64_t step) { return validation.is_missing(step); }});
  tell_memory(trainer.parameters().device());
  comm::agreed(here.world, [&] {
    if (run_log) write_report(*run_log, facts(here, trainer, run.inputs));
  });
  return code;
}

// Nothing is half done yet: all ranks leave when any was asked to stop. Collective.
void leave_if_asked_to(const comm::Group& world) {
  comm::agreed(world, [] { StopToken::throw_if_requested(); });
}

// Collective.
Trainer trainer_on(const Surroundings& here, const Inputs& inputs, const comm::GridGroups& groups) {
  const auto reader = comm::agreed(
      here.world, [&] { return reader_settings(here.config, inputs.trainer.model, groups.data); });
  return {inputs.trainer, groups,
          data::PrefetchingReader(data::StepReader(inputs.training, reader), read_ahead(here.config))};
}

// Collective. Two runs would take each other's unfinished checkpoints away, and write the same steps into
// metrics.jsonl.
std::optional<FolderLock> locked_checkpoints(const Config& config, const comm::Group& world) {
  const activity::PhaseScope phase(activity::Phase::loading);
  return comm::locked_folder(world, config.text("checkpoint.save"));
}

void say_what_trains(const Surroundings& here, const comm::RankGrid& grid, const Inputs& inputs) {
  const nn::ParameterList whole = declared(inputs.trainer.model);
  log::info("{} parameters; {}; {}; {} threads a rank", format_count(whole.total_count()),
            parameter_shares(whole), grid.describe(), here.topology.threads);
  log::info("computing on {}", nn::describe(inputs.trainer.device));
}

ExitCode run(const Surroundings& here) {
  const Config& config = here.config;
  const comm::Group& world = here.world;
  comm::agreed(world, [&] {
    sampling_weights_settings(config);  // not refused after the last step
    weights_to_start_from(config);
  });
  auto stop = stop_conditions(here);
  const at::Device device = nn::open_rank_device(config, world, here.topology.local_rank);
  at::set_num_threads(here.topology.threads);
  const auto grid =
      comm::agreed(world, [&] { return comm::RankGrid(world.size(), comm::grid_shape(config)); });
  const comm::GridGroups groups(nn::with_channels(world, config, device), grid);
  DataIndex index = shared_data_index(config, world);
  const auto staging = start_staging(config, world, index);
  leave_if_asked_to(world);
  Inputs inputs = open_inputs(here, index, staging.get());
  index = {};
  inputs.trainer.device = device;
  comm::agreed(world, [&] { require_fitting_layout(inputs.trainer.model, grid); });
  Trainer trainer = trainer_on(here, inputs, groups);
  say_what_trains(here, grid, inputs);
  const auto lock = locked_checkpoints(config, world);
  const NodeTier node_tier(config, world);
  const auto resumed = start_or_resume(here, inputs.training.fingerprint, node_tier, trainer);
  if (world.rank() == 0) {
    record_start(here.journal, here.topology,
                 {trainer.steps_done(), resumed ? resumed->folder.native() : "", grid.describe()});
    node_tier.record_disk_problems(here.journal);
  }
  LoopSettings loop = loop_from(here, grid, inputs, resumed);
  loop.saving.local = node_tier.saving();
  const ExitCode code =
      take_steps(here, {inputs, groups, trainer, resumed, std::move(loop)}, pointer_to(stop));
  return code == ExitCode::done ? leave_sampling_weights(here, resumed, trainer.steps_done()) : code;
}

ExitCode run_watched(const Surroundings& here) {
  const comm::Watchdog watchdog(
      here.world, here.topology, comm::hang_limits(here.config), [&](const std::string& words) {
        here.journal.record("hang", {{"code", static_cast<int>(ExitCode::hang)}, {"reason", words}});
      });
  const ExitCode code = run(here);
  record_stop(here.journal_on_rank_0(), here.world, code);
  return code;
}

}  // namespace

ExitCode run_training(const Config& config, const comm::Group& world, const comm::Topology& topology,
                      ProgressStyle progress) {
  comm::agreed(world, [&] { refuse_idle_keys(config); });
  if (config.flag("train.plan")) return print_plan(config, world);
  if (config.flag("train.data_only")) return read_data_only(config, world, progress);
  if (config.flag("train.preflight")) {
    at::set_num_threads(topology.threads);
    return preflight(config, world, topology);
  }
  report::Journal journal(fs::path(config.text("checkpoint.save")) / "journal.jsonl");
  try {
    return run_watched({config, world, topology, progress, journal});
  } catch (...) {
    record_failure(journal, world, std::current_exception());
    throw;
  }
}

}  // namespace dfm::train
