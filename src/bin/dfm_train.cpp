// dfm_train: trains a diffusion transformer, saves, resumes, reports.

#include "ckpt/read_ahead.h"
#include "cli/run_program.h"
#include "core/allocator.h"
#include "core/error.h"
#include "train/node_tier.h"
#include "train/run.h"

namespace {

using namespace dfm;

// The checkpoint that a start goes on from comes into memory while the libraries and MPI do.
std::shared_ptr<void> begin_reading(const Config& config, std::int64_t rank) {
  for (const char* const other : {"train.preflight", "train.data_only", "train.plan"}) {
    if (config.flag(other)) return nullptr;
  }
  try {
    return std::make_shared<ckpt::ReadAhead>(
        ckpt::CheckpointPlaces{config.text("checkpoint.save"), train::node_tier_folder(config)}, rank);
  } catch (const Error&) {  // no such folder: training tells
    return nullptr;
  }
}

cli::Program program() {
  return {.name = "dfm_train",
          .summary = "Trains a diffusion transformer on indexed shards. The same command starts and resumes.",
          .positionals = {},
          .options = {{"dataset-path", "dataset.path"},
                      {"mock", "dataset.mock"},
                      {"preflight", "train.preflight"},
                      {"data-only", "train.data_only"},
                      {"plan", "train.plan"},
                      {"ranks", "plan.ranks"},
                      {"suggest", "plan.suggest_gib"},
                      {"json", "plan.json"},
                      {"stop-after-steps", "train.stop_after_steps"}},
          .sections = {"model", "diffusion", "train", "ddp", "optimizer", "scheduler", "dataset", "encoders",
                       "stage", "checkpoint", "validation", "logger", "rng", "watchdog", "plan", "device"},
          .examples =
              "  dfm_train --mock train.train_iters=10\n"
              "  mpirun -n 4 dfm_train --recipe dit_xl --dataset-path shards/ checkpoint.save=run1\n",
          .begin_early = begin_reading,
          .watches_itself = true};
}

}  // namespace

int main(int argc, char** argv) {
  keep_freed_memory();
  return cli::run_program(program(), argc, argv, [](const Config& config, const cli::Context& context) {
    return train::run_training(config, context.world, context.topology, context.progress);
  });
}
