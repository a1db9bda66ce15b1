#include "ckpt/export.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "ckpt/safetensors.h"
#include "core/error.h"
#include "core/file.h"
#include "core/stop_token.h"

namespace dfm::ckpt {

ExportSettings export_settings(const Config& config) {
  ExportSettings settings;
  settings.output = config.text("consolidate.output");
  if (settings.output.extension() != ".safetensors") {
    throw usage_error(fmt::format("{} does not end in .safetensors", settings.output.native()),
                      "safetensors is the one format that this version writes");
  }
  if (config.flag("consolidate.ema")) settings.kind = kMovingAverage;
  settings.dtype = dtype_from_name(config.text("consolidate.dtype"));
  return settings;
}

ExportReport export_safetensors(const Listed& checkpoint, const ExportSettings& settings,
                                ProgressStyle progress_style) {
  PieceReader reader(piece_files(checkpoint, 0));
  const auto parameters = reader.parameters(settings.kind);
  if (parameters.empty()) {
    throw usage_error(fmt::format("{} holds no {}", checkpoint.folder.native(), settings.kind),
                      "a moving average is kept only when training with train.ema_decay > 0");
  }
  std::vector<TensorEntry> entries;
  for (const auto& [name, shape] : parameters) entries.push_back({name, settings.dtype, shape});
  if (settings.output.has_parent_path()) make_folder(settings.output.parent_path());
  SafetensorsWriter writer(settings.output, entries,
                           {{"format", "pt"},
                            {kConfigMetadata, nlohmann::json(checkpoint.manifest->config).dump()},
                            {kStepMetadata, std::to_string(checkpoint.manifest->step)}});
  ExportReport report;
  Progress progress("Exporting", static_cast<std::int64_t>(entries.size()), progress_style);
  for (const TensorEntry& entry : entries) {
    if (StopToken::requested()) {
      report.stopped = true;
      return report;
    }
    std::vector<float> values(static_cast<std::size_t>(element_count(entry.shape)));
    reader.read(settings.kind, entry.name, entry.shape, 0, values);
    writer.append(from_floats(values, entry.shape, settings.dtype).bytes);
    report.parameters += static_cast<std::int64_t>(values.size());
    report.bytes += entry.size_bytes();
    ++report.tensors;
    progress.advance(1);
  }
  writer.commit();
  return report;
}

}  // namespace dfm::ckpt
