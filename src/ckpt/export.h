// Exports a sharded checkpoint as one safetensors file that carries the configuration, tensor by tensor.
#pragma once

#include <cstdint>
#include <filesystem>

#include "ckpt/checkpoint.h"
#include "config/config.h"
#include "core/progress.h"

namespace dfm::ckpt {

// Metadata keys of the exported file: the configuration as a JSON object of texts, and the step.
inline constexpr const char* kConfigMetadata = "dfm.config";
inline constexpr const char* kStepMetadata = "dfm.step";

struct ExportSettings {
  std::filesystem::path output;
  std::string kind = kWeights;  // or kMovingAverage
  DType dtype = DType::float32;
};

// Throws a usage error for an output name without .safetensors or a checkpoint without a moving average.
ExportSettings export_settings(const Config& config);

struct ExportReport {
  std::int64_t tensors = 0;
  std::int64_t parameters = 0;
  std::uint64_t bytes = 0;
  bool stopped = false;  // asked to stop: nothing was written
};

// Holds one tensor in memory at a time. Called on one rank.
ExportReport export_safetensors(const Listed& checkpoint, const ExportSettings& settings,
                                ProgressStyle progress);

}  // namespace dfm::ckpt
