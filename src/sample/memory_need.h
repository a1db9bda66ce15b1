// Whether samples of the size that is asked for can be in memory at all: a lower bound, so that nothing that
// might go is refused.
#pragma once

#include <cstdint>

#include "core/error.h"
#include "sample/model_file.h"
#include "sample/sampling_settings.h"
#include "sample/work_list.h"

namespace dfm::sample {

// Of a process, beside the weights: a batch in the network, or the pixels of one sample.
double least_bytes(const SamplingModel& model, const WorkList& list, const SamplingSettings& settings);

// Throws a usage error where that is more than limit_bytes.
void require_memory(const SamplingModel& model, const WorkList& list, const SamplingSettings& settings,
                    std::uint64_t limit_bytes);

// The same for what only shows when memory is asked for.
Error too_large(const SamplingSettings& settings);

}  // namespace dfm::sample
