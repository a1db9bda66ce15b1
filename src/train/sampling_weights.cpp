#include "train/sampling_weights.h"

#include <limits>

#include "ckpt/checkpoint.h"
#include "comm/agree.h"
#include "core/activity.h"
#include "core/error.h"
#include "core/log.h"

namespace dfm::train {
namespace {

namespace fs = std::filesystem;

fs::path file_of(const Config& config) {
  const auto file = config.optional_text("checkpoint.sampling_file");
  return file ? fs::path(*file) : fs::path(config.text("checkpoint.save")) / "weights.safetensors";
}

void require_fitting_file(const fs::path& file) {
  if (file.extension() != ".safetensors") {
    throw usage_error("checkpoint.sampling_file = " + file.native() + " does not end in .safetensors",
                      "dfm_sample opens safetensors; dfm_consolidate writes other formats");
  }
  std::error_code error;
  if (!fs::is_directory(file, error)) return;
  throw usage_error("checkpoint.sampling_file = " + file.native() + " is a folder", "name a file");
}

ckpt::Source open_checkpoint(const fs::path& folder, const std::string& kind) {
  const auto found = ckpt::list_checkpoints(folder);
  if (found.empty() || !found.front().manifest) {
    throw storage_error(folder.native() + " is not the checkpoint it was a moment ago",
                        "look at what else removes or changes checkpoints");
  }
  return ckpt::open_dfm_source(found.front(), {kind});
}

}  // namespace

std::optional<ckpt::ExportSettings> sampling_weights_settings(const Config& config) {
  const std::string& wanted = config.text("checkpoint.sampling_weights");
  if (wanted == "none") return std::nullopt;
  if (wanted == "ema" && config.real("train.ema_decay") == 0) {
    throw usage_error("checkpoint.sampling_weights = ema, but there is no moving average",
                      "set train.ema_decay, or checkpoint.sampling_weights=weights");
  }
  if (!config.flag("checkpoint.save_last")) {
    throw usage_error(
        fmt::format("checkpoint.sampling_weights = {} with checkpoint.save_last = false", wanted),
        "they come from the last checkpoint: leave checkpoint.save_last out");
  }
  ckpt::ExportSettings settings;
  settings.output = file_of(config);
  require_fitting_file(settings.output);
  settings.kind = wanted == "ema" ? ckpt::kMovingAverage : ckpt::kWeights;
  settings.dtype = dtype_from_name(config.text("checkpoint.sampling_dtype"));
  // The buffers are small, whatever training itself has taken.
  settings.max_memory_bytes = std::numeric_limits<std::uint64_t>::max();
  return settings;
}

std::optional<ckpt::ExportReport> write_sampling_weights(const comm::Group& world, const fs::path& checkpoint,
                                                         const ckpt::ExportSettings& settings,
                                                         ProgressStyle progress) {
  const activity::PhaseScope phase(activity::Phase::saving);
  const ckpt::Source source = comm::agreed(world, [&] { return open_checkpoint(checkpoint, settings.kind); });
  ckpt::ExportReport report = ckpt::export_source(world, source, settings, progress);
  if (report.stopped) return std::nullopt;
  log::info("weights for sampling: {}: {}", settings.output.native(), ckpt::to_text(report));
  return report;
}

}  // namespace dfm::train
