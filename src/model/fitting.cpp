#include "model/fitting.h"

#include <fmt/core.h>

#include "core/error.h"

namespace dfm::model {

PatchShape patch_shape(const Config& config) {
  return {config.integer("model.in_channels"), config.integer("model.patch_spatial"),
          config.integer("model.patch_temporal")};
}

void require_divisible(std::int64_t value, const char* key, std::int64_t divisor, const char* meaning) {
  if (value % divisor == 0) return;
  throw usage_error(
      fmt::format("{} = {} is not a multiple of {} ({})", key, value, divisor, meaning),
      fmt::format("{} or {} would be", value / divisor * divisor, (value / divisor + 1) * divisor));
}

}  // namespace dfm::model
