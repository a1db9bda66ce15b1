// What dfm_index is asked about a data set instead of making one: section [index], keys info, verify, show
// and lengths.
#pragma once

#include <string>

#include "comm/group.h"
#include "config/config.h"
#include "core/error.h"
#include "core/progress.h"

namespace dfm::data {

struct Inspection {
  ExitCode code = ExitCode::done;
  std::string text;  // to print, on rank 0
};

bool is_inspection(const Config& config);

// Collective. Writes nothing but index.lengths_file.
Inspection inspect(const Config& config, const comm::Group& world, ProgressStyle progress);

}  // namespace dfm::data
