#include <array>

#include <fmt/core.h>

#include "ckpt/export/export.h"
#include "config/keys.h"
#include "core/error.h"
#include "core/units.h"

namespace dfm::ckpt {
namespace {

namespace fs = std::filesystem;

struct Ending {
  std::string_view ending;
  ExportFormat format;
};

constexpr std::array kEndings{Ending{".safetensors", ExportFormat::safetensors},
                              Ending{".pth", ExportFormat::torch}, Ending{".pt", ExportFormat::torch},
                              Ending{".h5", ExportFormat::hdf5}, Ending{".hdf5", ExportFormat::hdf5}};

constexpr std::array kNames{Ending{"safetensors", ExportFormat::safetensors},
                            Ending{"parts", ExportFormat::parts},
                            Ending{"pth", ExportFormat::torch},
                            Ending{"hdf5", ExportFormat::hdf5},
                            Ending{"checkpoint", ExportFormat::checkpoint},
                            Ending{"diffusers", ExportFormat::diffusers}};

std::string last_name(const fs::path& path) {
  return (path.has_filename() ? path : path.parent_path()).filename().native();
}

ExportFormat format_of(const Config& config, const fs::path& output) {
  for (const auto& [name, format] : kNames) {
    if (config.text("consolidate.format") == name) return format;
  }
  for (const auto& [ending, format] : kEndings) {
    if (output.extension() == ending) return format;
  }
  if (!config.is_null("consolidate.ranks") || last_name(output).starts_with("iter_"))
    return ExportFormat::checkpoint;
  if (!output.has_filename() || !output.has_extension() || fs::is_directory(output))
    return ExportFormat::parts;
  throw usage_error(fmt::format("the name {} does not say in which format to write", output.native()),
                    "end it in .safetensors, .pth or .h5, name a folder, or give --format");
}

void require_fitting_options(const Config& config, const ExportSettings& settings) {
  const bool is_checkpoint = settings.format == ExportFormat::checkpoint;
  if (is_checkpoint && settings.dtype && *settings.dtype != DType::float32) {
    throw usage_error(
        fmt::format("consolidate.dtype = {} does not go with a checkpoint", name_of(*settings.dtype)),
        "checkpoints to train from hold float32; leave it out");
  }
  if (is_checkpoint && settings.kind != kWeights) {
    throw usage_error("consolidate.ema does not go with a checkpoint",
                      "it keeps weights, moments and average; leave it out");
  }
  if (!is_checkpoint && !config.is_null("consolidate.ranks")) {
    throw usage_error(fmt::format("consolidate.ranks = {} goes with a checkpoint as output alone",
                                  config.integer("consolidate.ranks")),
                      "name a folder as output, or leave it out");
  }
  const bool has_parts = settings.format == ExportFormat::parts || settings.format == ExportFormat::diffusers;
  if (!has_parts && !config.is_null("consolidate.max_part_size")) {
    throw usage_error("consolidate.max_part_size goes with parts alone",
                      "name a folder as output, or give --format parts or diffusers");
  }
}

}  // namespace

bool only_looks(const Config& config) {
  const bool looks = config.flag("consolidate.list") || config.flag("consolidate.verify");
  if (looks && !config.is_null("consolidate.output")) {
    throw usage_error(fmt::format("--list and --verify write nothing, but the output {} is given",
                                  config.text("consolidate.output")),
                      "leave it out, and write in a second call");
  }
  if (!looks && config.flag("consolidate.json"))
    throw usage_error("--json goes with --list and --verify alone", "leave it out");
  return looks;
}

ExportSettings export_settings(const Config& config) {
  if (config.is_null("consolidate.output")) {
    throw usage_error("it is not said what to write", "give OUT, such as weights.safetensors");
  }
  ExportSettings settings;
  settings.output = config.text("consolidate.output");
  settings.format = format_of(config, settings.output);
  if (config.flag("consolidate.ema")) settings.kind = kMovingAverage;
  const std::string& dtype = config.text("consolidate.dtype");
  if (dtype != "stored") settings.dtype = dtype_from_name(dtype);
  if (const auto size = config.optional_text("consolidate.max_part_size")) {
    settings.max_part_bytes = parse_bytes(*size, "consolidate.max_part_size");
  }
  settings.max_memory_bytes = parse_bytes(config.text("consolidate.max_memory"), "consolidate.max_memory");
  settings.ranks = static_cast<int>(config.optional_integer("consolidate.ranks").value_or(1));
  require_fitting_options(config, settings);
  return settings;
}

std::vector<std::string> wanted_kinds(const ExportSettings& settings) {
  if (settings.format == ExportFormat::checkpoint) return {};
  return {settings.kind};
}

bool take_configuration(Source& source, const Config& config) {
  const auto values = config.values_as_text();
  std::map<std::string, std::string> given;
  bool describes_model = false;
  for (const auto& [key, text] : values) {
    if (config.origin(key) == kDefaultOrigin) continue;
    given.emplace(key, text);
    describes_model = describes_model || describes_weights(key);
  }
  if (describes_model) {
    given.insert(source.config.begin(), source.config.end());
    source.config = source.config.empty() ? values : given;
  }
  return !source.config.empty();
}

}  // namespace dfm::ckpt
