// Denoises, decodes and writes a work list: latents first, so that nothing computed is lost, then pictures or
// videos.
//
// The items are cut into batches of a fixed size, which the ranks take in turn: what is computed together
// does not depend on the number of ranks, and neither does the result. Latents that are there already are not
// computed again.
#pragma once

#include <cstdint>

#include "comm/group.h"
#include "core/progress.h"
#include "encoders/encoders.h"
#include "sample/model_file.h"
#include "sample/sampling_settings.h"
#include "sample/work_list.h"

namespace dfm::sample {

struct SamplingReport {
  std::int64_t computed = 0;
  std::int64_t found = 0;  // latents that were there already
  bool stopped = false;
};

// What draws, and what it draws.
struct Sampling {
  const SamplingModel& model;
  const encoders::Encoders& encoders;  // of the kinds that the model was trained with
  const WorkList& list;
  const SamplingSettings& settings;
};

// Collective. The same report on every rank.
SamplingReport sample_all(const Sampling& sampling, const comm::Group& world, ProgressStyle progress);

// contact_sheet.png (a row a prompt) and index.html of a finished work list. Called on one rank.
void write_overview(const Sampling& sampling);

}  // namespace dfm::sample
