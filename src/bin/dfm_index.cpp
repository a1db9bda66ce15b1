// dfm_index DIR: makes a folder of shards a data set that training and Megatron-Energon open.
#include <iostream>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/run_program.h"
#include "comm/agree.h"
#include "core/log.h"
#include "core/units.h"
#include "data/dialog/index_dialog.h"
#include "data/energon/index_builder.h"
#include "data/energon/shape_reader.h"
#include "data/inspect/inspection.h"

namespace {

using namespace dfm;

cli::Program program() {
  return {.name = "dfm_index",
          .summary = "Indexes a folder of webdataset shards: .tar.idx files and the metadata in .nv-meta.",
          .positionals = {{"DIR", "index.root"}},
          .options = {{"split-ratio", "index.split_ratio"},
                      {"split-parts", "index.split_parts"},
                      {"exclude", "index.exclude"},
                      {"shuffle-tars", "index.shuffle_tars"},
                      {"sample-type", "index.sample_type"},
                      {"field-map", "index.field_map"},
                      {"skip-dataset-yaml", "index.skip_dataset_yaml"},
                      {"dataset-yaml-name", "index.dataset_yaml_name"},
                      {"media-metadata-by-extension", "index.media_metadata_by_extension"},
                      {"media-metadata-by-header", "index.media_metadata_by_header"},
                      {"media-metadata-by-glob", "index.media_metadata_by_glob"},
                      {"tar-index-only", "index.tar_index_only"},
                      {"rescan", "index.rescan"},
                      {"strict", "index.strict"},
                      {"force-overwrite", "index.force_overwrite"},
                      {"non-interactive", "index.non_interactive"},
                      {"info", "index.info"},
                      {"verify", "index.verify"},
                      {"show", "index.show"},
                      {"lengths", "index.lengths"},
                      {"lengths-file", "index.lengths_file"},
                      {"json", "index.json"}},
          .sections = {"index"},
          .examples =
              "  dfm_index shards/ --split-ratio 8,1,1\n"
              "  mpirun -n 8 dfm_index shards/\n"
              "  dfm_index shards/ --split-parts 'train:train/.*' --split-parts 'val:val/.*'\n"
              "  dfm_index images/ --sample-type CaptioningSample --field-map '{\"image\": \"jpg\", "
              "\"caption\": \"txt\"}'\n"
              "  dfm_index shards/ --info\n"
              "  dfm_index shards/ --show 000012 --json\n"
              "  mpirun -n 8 dfm_index shards/ --verify\n"
              "  dfm_index shards/ --lengths-file lengths.csv\n"};
}

void print(const data::IndexReport& report, const data::IndexSettings& settings) {
  for (const std::string& warning : report.warnings) log::warn("{}", warning);
  for (const data::SkippedShard& skipped : report.skipped)
    log::warn("left out {}: {}", skipped.name, skipped.reason);
  for (const std::string& kept : report.kept_files) {
    log::info("{} was kept as it is; --force-overwrite replaces it", kept);
  }
  if (report.stopped) return;
  const auto count = [](std::size_t number, const char* noun) {
    return format_count(static_cast<std::int64_t>(number), noun);
  };
  log::info("{} in {} in {}, parts: {}", count(report.samples, "sample"),
            count(report.shards.size(), "shard"), settings.root.native(),
            fmt::format("{}", fmt::join(report.extensions, ", ")));
  if (report.shards_read < report.shards.size()) {
    log::info("{} had not changed since the last run",
              count(report.shards.size() - report.shards_read, "shard"));
  }
  for (const data::SplitSummary& split : report.splits) {
    log::info("split {}: {} in {}", split.name, count(split.samples, "sample"), count(split.shards, "shard"));
  }
}

// What a person at the terminal is to be asked. Launchers of several ranks have none.
data::OpenQuestions open_questions(const Config& config, const comm::Group& world) {
  const bool is_asked = world.size() == 1 && !config.flag("index.non_interactive") &&
                        !config.flag("index.tar_index_only") && ::isatty(STDIN_FILENO) != 0 &&
                        ::isatty(STDOUT_FILENO) != 0;
  const auto is_default = [&](const char* key) { return config.origin(key) == kDefaultOrigin; };
  return {.splits = is_asked && is_default("index.split_ratio") && is_default("index.split_parts"),
          .dataset = is_asked && is_default("index.sample_type") && is_default("index.skip_dataset_yaml")};
}

ExitCode make_index(const Config& config, data::IndexSettings settings, const cli::Context& context) {
  data::IndexTools tools{.read_shapes = data::tensor_shape_reader(), .progress = context.progress};
  data::Console console(std::cin, std::cout);
  const data::OpenQuestions open = open_questions(config, context.world);
  if (open.splits || open.dataset) {
    if (!settings.force_overwrite && !data::may_index(console, settings.root)) return ExitCode::done;
    settings.force_overwrite = true;
    tools.dialog = data::make_dialog(console, open);
  }
  const auto report = data::build_index(settings, context.world, tools);
  if (context.world.rank() == 0) print(report, settings);
  return report.exit_code();
}

ExitCode run(const Config& config, const cli::Context& context) {
  data::IndexSettings settings = comm::agreed(context.world, [&] { return data::index_settings(config); });
  if (!comm::agreed(context.world, [&] { return data::is_inspection(config); }))
    return make_index(config, std::move(settings), context);
  const data::Inspection seen = data::inspect(config, context.world, context.progress);
  if (context.world.rank() == 0) std::cout << seen.text;
  return seen.code;
}

}  // namespace

int main(int argc, char** argv) { return cli::run_program(program(), argc, argv, run); }
