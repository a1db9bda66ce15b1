// dfm_consolidate CKPT OUT: a sharded checkpoint to one safetensors file.
#include "ckpt/checkpoint.h"
#include "ckpt/export.h"
#include "cli/run_program.h"
#include "comm/agree.h"
#include "core/log.h"
#include "core/units.h"

namespace {

using namespace dfm;

cli::Program program() {
  return {.name = "dfm_consolidate",
          .summary = "Exports a checkpoint as one safetensors file that carries its configuration.",
          .positionals = {{"CKPT", "consolidate.checkpoint"}, {"OUT", "consolidate.output"}},
          .options = {{"ema", "consolidate.ema"}, {"dtype", "consolidate.dtype"}},
          .sections = {"consolidate"},
          .examples =
              "  dfm_consolidate checkpoints/ weights.safetensors\n"
              "  dfm_consolidate checkpoints/iter_0001000 weights.safetensors --ema --dtype bfloat16\n"};
}

ckpt::Listed find_checkpoint(const Config& config, const comm::Group& world) {
  const std::string& root = config.text("consolidate.checkpoint");
  const auto found = ckpt::find_newest_valid(world, root);
  if (found) return *found;
  throw Error(ExitCode::no_checkpoint, root + " holds no checkpoint",
              "give the folder that checkpoint.save named");
}

ExitCode run(const Config& config, const cli::Context& context) {
  const ckpt::ExportSettings settings = ckpt::export_settings(config);
  const ckpt::Listed checkpoint = find_checkpoint(config, context.world);
  const auto report = comm::agreed(context.world, [&] {
    return context.world.rank() == 0 ? ckpt::export_safetensors(checkpoint, settings, context.progress)
                                     : ckpt::ExportReport{};
  });
  if (comm::stop_requested_anywhere(context.world) && report.stopped) return ExitCode::stopped;
  log::info("{} of {}: {} tensors, {} parameters, {} in {}", settings.kind, checkpoint.folder.native(),
            report.tensors, format_count(report.parameters), format_bytes(report.bytes),
            settings.output.native());
  return ExitCode::done;
}

}  // namespace

int main(int argc, char** argv) { return cli::run_program(program(), argc, argv, run); }
