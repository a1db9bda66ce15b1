// dfm_consolidate CKPT OUT: a sharded checkpoint to one file, to parts, or to another layout.
#include <algorithm>
#include <cstdio>

#include "ckpt/export/export.h"
#include "ckpt/import/find_source.h"
#include "ckpt/import/verify_source.h"
#include "ckpt/overview.h"
#include "cli/run_program.h"
#include "comm/agree.h"
#include "core/log.h"
#include "core/units.h"

namespace {

using namespace dfm;

cli::Program program() {
  return {.name = "dfm_consolidate",
          .summary =
              "Exports a checkpoint as safetensors, .pth, HDF5 or another layout; lists and verifies "
              "checkpoints; takes over those of PyTorch, and WAN from diffusers.",
          .positionals = {{"CKPT", "consolidate.checkpoint"}, {"OUT", "consolidate.output"}},
          .options = {{"format", "consolidate.format"},
                      {"ema", "consolidate.ema"},
                      {"dtype", "consolidate.dtype"},
                      {"max-part-size", "consolidate.max_part_size"},
                      {"max-memory", "consolidate.max_memory"},
                      {"ranks", "consolidate.ranks"},
                      {"list", "consolidate.list"},
                      {"verify", "consolidate.verify"},
                      {"json", "consolidate.json"},
                      {"dry-run", "consolidate.dry_run"}},
          .sections = {"consolidate"},
          .examples =
              "  dfm_consolidate checkpoints/ weights.safetensors\n"
              "  dfm_consolidate checkpoints/iter_0001000 model.pth --ema --dtype bfloat16\n"
              "  mpirun -n 4 dfm_consolidate checkpoints/ parts/ --max-part-size 2GB\n"
              "  dfm_consolidate checkpoints/ eight/ --ranks 8\n"
              "  dfm_consolidate checkpoints/ --list\n"
              "  dfm_consolidate torch_dist/iter_0005000 model.safetensors --config-file model.yaml\n"
              "  dfm_consolidate Wan2.1-T2V-1.3B-Diffusers/ weights.safetensors\n"
              "  dfm_consolidate checkpoints/ transformer/ --format diffusers\n"};
}

void print(const std::vector<ckpt::OverviewRow>& rows, const Config& config) {
  const bool as_json = config.flag("consolidate.json");
  std::fputs((as_json ? ckpt::overview_json(rows) : ckpt::overview_table(rows)).c_str(), stdout);
}

// --list and --verify of dfm's own checkpoints.
ExitCode look(const Config& config, const cli::Context& context) {
  const std::string& root = config.text("consolidate.checkpoint");
  auto rows = comm::agreed(context.world, [&] { return ckpt::overview(root); });
  if (rows.empty()) {
    throw comm::AgreedError(ExitCode::no_checkpoint, root + " holds no checkpoint",
                            "give the folder that checkpoint.save named");
  }
  const bool verify = config.flag("consolidate.verify");
  if (verify && !ckpt::verify_all(context.world, rows)) return ExitCode::stopped;
  if (context.world.rank() == 0) print(rows, config);
  const auto is_damaged = [](const ckpt::OverviewRow& row) {
    return row.soundness == ckpt::Soundness::damaged;
  };
  if (!verify || std::ranges::none_of(rows, is_damaged)) return ExitCode::done;
  throw comm::AgreedError(ExitCode::no_checkpoint, root + " holds a checkpoint that is damaged",
                          "the table says which and why");
}

// The same of a foreign one.
ExitCode look_at_foreign(const ckpt::Source& source, const Config& config, const cli::Context& context) {
  const bool verify = config.flag("consolidate.verify");
  const auto report = verify ? ckpt::verify_source(context.world, source) : ckpt::count_source(source);
  if (report.stopped) return ExitCode::stopped;
  if (context.world.rank() != 0) return ExitCode::done;
  fmt::print("{}: {} tensors, {} parameters, {}{}\n", source.title, report.tensors,
             format_count(report.parameters), format_bytes(report.bytes),
             verify
                 ? fmt::format("; all read, {} with checksums, all right", format_bytes(report.checked_bytes))
                 : "");
  return ExitCode::done;
}

ExitCode write_output(ckpt::Source source, const ckpt::ExportSettings& settings, const Config& config,
                      const cli::Context& context) {
  if (!source.manifest && !ckpt::take_configuration(source, config)) {
    log::info(
        "no configuration of the model is given (--config-file, --recipe or model.* words): the output has "
        "none");
  }
  if (settings.format == ckpt::ExportFormat::checkpoint) ckpt::begin_average(source);
  if (config.flag("consolidate.dry_run")) {
    const std::string text = comm::agreed(context.world, [&] { return ckpt::dry_run(source, settings); });
    if (context.world.rank() == 0) std::fputs(text.c_str(), stdout);
    return ExitCode::done;
  }
  const ckpt::ExportReport report = ckpt::export_source(context.world, source, settings, context.progress);
  if (report.stopped) return ExitCode::stopped;
  log::info("{} to {}: {}", source.title, settings.output.native(), ckpt::to_text(report));
  return ExitCode::done;
}

ExitCode run(const Config& config, const cli::Context& context) {
  if (config.is_null("consolidate.checkpoint")) {
    throw comm::AgreedError(ExitCode::usage, "it is not said what to read", "dfm_consolidate CKPT OUT");
  }
  const std::string& path = config.text("consolidate.checkpoint");
  const bool looks = comm::agreed(context.world, [&] { return ckpt::only_looks(config); });
  const auto kind = comm::agreed(context.world, [&] { return ckpt::recognize_source(path); });
  if (looks && kind == ckpt::SourceKind::dfm) return look(config, context);
  if (looks) return look_at_foreign(ckpt::find_source(context.world, path, {}), config, context);
  const auto settings = comm::agreed(context.world, [&] { return ckpt::export_settings(config); });
  return write_output(ckpt::find_source(context.world, path, ckpt::wanted_kinds(settings)), settings, config,
                      context);
}

}  // namespace

int main(int argc, char** argv) { return cli::run_program(program(), argc, argv, run); }
