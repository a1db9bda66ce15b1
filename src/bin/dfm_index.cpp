// dfm_index DIR: makes a folder of shards a data set that training and Megatron-Energon open.
#include <cstdio>

#include <fmt/format.h>

#include "cli/run_program.h"
#include "core/log.h"
#include "core/units.h"
#include "data/energon/index_builder.h"
#include "data/energon/shape_reader.h"

namespace {

using namespace dfm;

cli::Program program() {
  return {.name = "dfm_index",
          .summary = "Indexes a folder of webdataset shards: .tar.idx files and the metadata in .nv-meta.",
          .positionals = {{"DIR", "index.root"}},
          .options = {{"split-ratio", "index.split_ratio"},
                      {"exclude", "index.exclude"},
                      {"shuffle-tars", "index.shuffle_tars"},
                      {"rescan", "index.rescan"},
                      {"strict", "index.strict"},
                      {"force-overwrite", "index.force_overwrite"}},
          .sections = {"index"},
          .examples =
              "  dfm_index shards/ --split-ratio 8,1,1\n"
              "  mpirun -n 8 dfm_index shards/\n"};
}

void print(const data::IndexReport& report, const data::IndexSettings& settings) {
  for (const std::string& warning : report.warnings) log::warn("{}", warning);
  for (const data::SkippedShard& skipped : report.skipped)
    log::warn("left out {}: {}", skipped.name, skipped.reason);
  for (const std::string& kept : report.kept_files) {
    log::info("{} was kept as it is; --force-overwrite replaces it", kept);
  }
  if (report.stopped) return;
  log::info("{} samples in {} shards in {}, parts: {}",
            format_count(static_cast<std::int64_t>(report.samples)), report.shards.size(),
            settings.root.native(), fmt::format("{}", fmt::join(report.extensions, ", ")));
  if (report.shards_read < report.shards.size()) {
    log::info("{} shards had not changed and were not read again", report.shards.size() - report.shards_read);
  }
  for (const data::SplitSummary& split : report.splits) {
    log::info("split {}: {} samples in {} shards", split.name, split.samples, split.shards);
  }
}

ExitCode run(const Config& config, const cli::Context& context) {
  const data::IndexSettings settings = data::index_settings(config);
  const auto report = data::build_index(
      settings, context.world, {.read_shapes = data::tensor_shape_reader(), .progress = context.progress});
  if (context.world.rank() == 0) print(report, settings);
  return report.exit_code();
}

}  // namespace

int main(int argc, char** argv) { return cli::run_program(program(), argc, argv, run); }
