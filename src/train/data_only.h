// dfm_train --data-only: reads the steps of a run as the run would, with the same order, packing, staging and
// reading ahead, but without a model, and reports how fast data arrive.
#pragma once

#include "comm/group.h"
#include "config/config.h"
#include "core/error.h"
#include "core/progress.h"

namespace dfm::train {

// Collective. Reads from the first position on, train.train_iters steps, or until any rank is asked to stop;
// touches no checkpoint. Throws on all ranks when a step cannot be read, or when more samples than
// dataset.max_bad_samples are unreadable.
ExitCode read_data_only(const Config& config, const comm::Group& world, ProgressStyle progress);

}  // namespace dfm::train
