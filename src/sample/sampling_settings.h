// How to sample: what the configuration says, as far as it fits the model.
//
//   SamplingSettings settings = sampling_settings(config);
//   fit_to_model(settings, config, model);
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "config/config.h"
#include "diffusion/generate.h"
#include "sample/model_file.h"

namespace dfm::sample {

struct SamplingSettings {
  diffusion::GenerateSettings generation;
  std::int64_t width = 256;  // pixels
  std::int64_t height = 256;
  std::int64_t frames = 1;
  int frames_per_second = 24;
  std::int64_t batch_size = 8;
  std::optional<std::string> negative_prompt;
};

// Throws a usage error for sizes that are no multiple of 16, frame counts that are not 4n + 1, and words on
// the command line that do nothing.
SamplingSettings sampling_settings(const Config& config);

// What depends on how the model was trained. Throws a usage error for a sampler or a word on the command line
// that is not of its kind, and for a text encoder of another width.
void fit_to_model(SamplingSettings& settings, const Config& config, const SamplingModel& model);

}  // namespace dfm::sample
