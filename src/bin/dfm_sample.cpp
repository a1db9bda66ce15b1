// dfm_sample: weights and prompts to latents, then pictures or videos.
#include <fmt/core.h>

#include "cli/run_program.h"
#include "comm/agree.h"
#include "comm/grid_settings.h"
#include "core/allocator.h"
#include "core/error.h"
#include "core/log.h"
#include "core/memory.h"
#include "nn/device.h"
#include "nn/rank_device.h"
#include "sample/memory_need.h"
#include "sample/sampling.h"
#include "sample/staged_weights.h"

namespace {

using namespace dfm;

cli::Program program() {
  return {.name = "dfm_sample",
          .summary = "Draws pictures or videos from prompts with consolidated weights.",
          .positionals = {{"WEIGHTS", "sample.weights"}},
          .options = {{"prompt", "sample.prompts"},
                      {"prompts", "sample.prompts"},
                      {"prompt-file", "sample.prompt_file"},
                      {"samples-per-prompt", "sample.samples_per_prompt"},
                      {"output", "sample.output"},
                      {"video-save-path", "sample.output"},
                      {"save-file", "sample.output"},
                      {"checkpoint-path", "sample.weights"},
                      {"checkpoint-dir", "sample.weights"},
                      {"height", "sample.height"},
                      {"width", "sample.width"},
                      {"sizes", "sample.size"},
                      {"num-video-frames", "sample.num_frames"},
                      {"frame-nums", "sample.num_frames"},
                      {"num-steps", "sample.num_steps"},
                      {"sample-steps", "sample.num_steps"},
                      {"guidance", "sample.guidance"},
                      {"sample-guide-scale", "sample.guide_scale"},
                      {"negative-prompt", "sample.negative_prompt"},
                      {"sample-shift", "sample.shift"},
                      {"sampler", "sample.sampler"},
                      {"fps", "sample.fps"},
                      {"seed", "sample.seed"},
                      {"base-seed", "sample.seed"},
                      {"cp-size", "model.context_parallel_size"}},
          .sections = {"sample", "encoders", "stage", "device"},
          .examples =
              "  dfm_sample weights.safetensors --prompt \"a handwritten seven\" --height 32 --width 32\n"
              "  mpirun -n 4 dfm_sample weights.safetensors --prompt-file prompts.txt --output samples/\n"};
}

// Each rank samples on its own.
void require_no_layout(const Config& config) {
  const comm::GridShape shape = comm::grid_shape(config);
  if (shape.tensor == 1 && shape.context == 1 && shape.pipeline == 1 && shape.expert == 1) return;
  throw usage_error(
      fmt::format(
          "sampling shares no network between ranks (tensor {} x context {} x pipeline {}, expert {})",
          shape.tensor, shape.context, shape.pipeline, shape.expert),
      "leave --cp-size and model.*_parallel_size at 1; all ranks then divide the prompts");
}

// Nodes may have more or less.
void require_node_memory(const sample::SamplingModel& model, const sample::WorkList& list,
                         const sample::SamplingSettings& settings, const comm::Group& world) {
  comm::agreed(world, [&] {
    if (const auto limit_bytes = memory_limit_bytes())
      sample::require_memory(model, list, settings, *limit_bytes);
  });
}

ExitCode run(const Config& config, const cli::Context& context) {
  const sample::WorkList list = sample::work_list(config);
  sample::SamplingSettings settings = sample::sampling_settings(config);
  require_no_layout(config);
  const at::Device device = nn::open_rank_device(config, context.world, context.topology.local_rank);
  at::set_num_threads(context.topology.threads);
  log::info("sampling on {}", nn::describe(device));
  const at::ScalarType dtype = config.text("sample.precision") == "fp32" ? at::kFloat : at::kBFloat16;
  const sample::StagedWeights weights(config, context.world);
  auto model = comm::agreed(context.world, [&] { return sample::load_model(weights.path(), dtype, device); });
  comm::agreed(context.world, [&] {
    model.encoders = encoders::for_this_place(model.encoders, config);
    sample::fit_to_model(settings, config, model);
  });
  if (device.is_cpu()) require_node_memory(model, list, settings, context.world);
  const auto encoders =
      comm::agreed(context.world, [&] { return encoders::open_encoders(model.encoders, device); });
  const sample::Sampling sampling{model, encoders, list, settings};
  const auto report = sample::sample_all(sampling, context.world, context.progress);
  if (report.stopped) return ExitCode::stopped;
  if (list.is_one_file) {
    log::info("look at {}", config.text("sample.output"));
    return ExitCode::done;
  }
  comm::agreed(context.world, [&] {
    if (context.world.rank() == 0) sample::write_overview(sampling);
  });
  log::info("{} samples in {} ({} latents were there already)", list.items.size(), list.folder.native(),
            report.found);
  log::info("look at {} or {}", (list.folder / "contact_sheet.png").native(),
            (list.folder / "index.html").native());
  return ExitCode::done;
}

}  // namespace

int main(int argc, char** argv) {
  keep_freed_memory();
  return cli::run_program(program(), argc, argv, run);
}
