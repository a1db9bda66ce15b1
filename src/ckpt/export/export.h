// Exports a checkpoint, dfm's own or a foreign one, to one file, to parts with an index, or to a dfm
// checkpoint of another layout. All ranks work; the output has its name only when it is whole and durable.
//
//   const ExportSettings settings = export_settings(config);
//   const Source source = find_source(world, path, wanted_kinds(settings));
//   const ExportReport report = export_source(world, source, settings, progress);
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "ckpt/export/plan.h"
#include "ckpt/import/source.h"
#include "comm/group.h"
#include "config/config.h"
#include "core/progress.h"

namespace dfm::ckpt {

enum class ExportFormat { safetensors, parts, torch, hdf5, checkpoint, diffusers };

struct ExportSettings {
  std::filesystem::path output;
  ExportFormat format = ExportFormat::safetensors;
  std::string kind = kWeights;      // or kMovingAverage
  std::optional<DType> dtype = {};  // of floating-point tensors; empty: as stored
  std::uint64_t max_part_bytes = 5'000'000'000;
  std::uint64_t max_memory_bytes = 256U << 20U;  // of a rank, with the program itself
  int ranks = 1;                                 // of a dfm checkpoint
};

// Whether nothing is to be written, but looked at by --list or --verify. Throws a usage error for an option
// that does nothing then, or only then something.
bool only_looks(const Config& config);

// Throws a usage error for an output whose format is neither given nor to be seen from its name.
ExportSettings export_settings(const Config& config);

// The kinds of tensors that the output takes from a dfm checkpoint; empty: all.
std::vector<std::string> wanted_kinds(const ExportSettings& settings);

// For a foreign source, where any key of the model is given: what is given counts before the source's own
// configuration; with none of its own, it takes every value. Returns false when the source has none then.
bool take_configuration(Source& source, const Config& config);

// For a foreign source that becomes a checkpoint to train from with train.ema_decay > 0: the moving average
// begins with the weights.
void begin_average(Source& source);

struct ExportReport {
  std::int64_t tensors = 0;
  std::int64_t parameters = 0;
  std::uint64_t bytes = 0;  // of elements, as written
  std::size_t files = 0;
  double seconds = 0;
  bool stopped = false;  // asked to stop: nothing was written
};

// "156 tensors, 2,182,912 parameters, 8.3 MiB in 0.2 s (41.5 MiB/s)".
std::string to_text(const ExportReport& report);

// Collective.
ExportReport export_source(const comm::Group& world, const Source& source, const ExportSettings& settings,
                           ProgressStyle progress);

// What would be written, as a table. Throws the errors that the export would begin with, such as too little
// space.
std::string dry_run(const Source& source, const ExportSettings& settings);

}  // namespace dfm::ckpt
