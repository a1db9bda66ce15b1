// Denoises, decodes and writes a work list: latents first, so that nothing computed is lost, then pictures or
// videos.
//
// The items are cut into batches of a fixed size, which the ranks take in turn: what is computed together
// does not depend on the number of ranks, and neither does the result. Latents that are there already are not
// computed again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "comm/group.h"
#include "config/config.h"
#include "core/progress.h"
#include "diffusion/generate.h"
#include "model/codec.h"
#include "model/text_encoder.h"
#include "sample/model_file.h"
#include "sample/work_list.h"

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

// Throws a usage error for sizes that are no multiple of 16 and frame counts that are not 4n + 1.
SamplingSettings sampling_settings(const Config& config);

// What depends on how the model was trained. Throws a usage error for a sampler that is not of its kind, and
// for a text encoder of another width.
void fit_to_model(SamplingSettings& settings, const Config& config, const SamplingModel& model);

struct SamplingReport {
  std::int64_t computed = 0;
  std::int64_t found = 0;  // latents that were there already
  bool stopped = false;
};

// Collective. The same report on every rank.
SamplingReport sample_all(const SamplingModel& model, const WorkList& list, const SamplingSettings& settings,
                          const comm::Group& world, ProgressStyle progress);

// contact_sheet.png (a row a prompt) and index.html of a finished work list. Called on one rank.
void write_overview(const SamplingModel& model, const WorkList& list, const SamplingSettings& settings);

}  // namespace dfm::sample
