// What the families share in reading their sizes from a configuration.
#pragma once

#include <cstdint>

#include "config/config.h"
#include "model/backbone.h"

namespace dfm::model {

PatchShape patch_shape(const Config& config);

// Throws a usage error that shows the arithmetic and the nearest values that would do.
void require_divisible(std::int64_t value, const char* key, std::int64_t divisor, const char* meaning);

}  // namespace dfm::model
