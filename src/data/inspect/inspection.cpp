#include "data/inspect/inspection.h"

#include <algorithm>
#include <array>

#include "comm/agree.h"
#include "config/layers.h"
#include "core/error.h"
#include "data/energon/shape_reader.h"
#include "data/inspect/dataset_check.h"
#include "data/inspect/dataset_overview.h"
#include "data/inspect/sample_lookup.h"
#include "data/inspect/token_lengths.h"

namespace dfm::data {
namespace {

bool wants_lengths(const Config& config) {
  return config.flag("index.lengths") || !config.is_null("index.lengths_file");
}

LengthSettings length_settings(const Config& config) {
  return {.root = config.text("index.root"),
          .table = config.optional_text("index.lengths_file").value_or(""),
          .patch_spatial = static_cast<std::uint32_t>(config.integer("model.patch_spatial")),
          .patch_temporal = static_cast<std::uint32_t>(config.integer("model.patch_temporal"))};
}

Inspection measure(const Config& config, const comm::Group& world, ProgressStyle progress) {
  const LengthReport report =
      token_lengths(length_settings(config), world, {tensor_shape_reader(), progress});
  if (report.stopped) return {ExitCode::stopped, ""};
  return {ExitCode::done, config.flag("index.json") ? lengths_json(report) : lengths_text(report)};
}

Inspection verify(const Config& config, const comm::Group& world, ProgressStyle progress) {
  const CheckReport report =
      check_dataset(config.text("index.root"), world, {tensor_shape_reader(), progress});
  if (report.stopped) return {ExitCode::stopped, ""};
  const bool is_right = world.broadcast_text(report.findings.empty() ? "1" : "", 0) == "1";
  return {is_right ? ExitCode::done : ExitCode::data,
          config.flag("index.json") ? check_json(report) : check_text(report)};
}

// What one rank says from the metadata.
std::string look(const Config& config) {
  const std::filesystem::path root = config.text("index.root");
  const bool as_json = config.flag("index.json");
  if (const auto key = config.optional_text("index.show")) {
    const ShownSample sample = show_sample(root, *key);
    return as_json ? sample.json : sample.text;
  }
  const DatasetOverview overview = dataset_overview(root);
  return as_json ? overview_json(overview) : overview_text(overview);
}

}  // namespace

bool is_inspection(const Config& config) {
  const std::array asked{config.flag("index.info"), config.flag("index.verify"),
                         !config.is_null("index.show"), wants_lengths(config)};
  const auto questions = std::ranges::count(asked, true);
  if (questions > 1) {
    throw usage_error("more than one of index.info, verify, show and lengths is asked for",
                      "ask one after the other");
  }
  if (questions == 0 && config.flag("index.json")) {
    throw usage_error("index.json prints an answer, but nothing is asked",
                      "leave it out to index, or ask by --info, --verify, --show or --lengths");
  }
  if (config.is_null("index.show") && is_typed(config, "index.show"))
    throw usage_error("index.show names no sample", "give a key, as in --show 000012");
  return questions == 1;
}

Inspection inspect(const Config& config, const comm::Group& world, ProgressStyle progress) {
  if (config.flag("index.verify")) return verify(config, world, progress);
  if (wants_lengths(config)) return measure(config, world, progress);
  return {ExitCode::done,
          comm::agreed(world, [&] { return world.rank() == 0 ? look(config) : std::string(); })};
}

}  // namespace dfm::data
