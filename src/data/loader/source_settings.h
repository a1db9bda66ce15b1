// How a source reads its files.
#pragma once

#include <optional>

#include "core/system_error.h"
#include "data/loader/nearby_copies.h"

namespace dfm::data {

struct SourceSettings {
  NearbyCopies copies = {};
  std::optional<double> least_aesthetic_score = {};  // of samples that train; empty: all do
  RetryPolicy retries = {};  // of a sample, while the file system fails in a way that may pass
};

}  // namespace dfm::data
