#include "model/backbone.h"

#include <fmt/core.h>

#include "core/error.h"
#include "model/dit.h"
#include "model/moviegen.h"
#include "model/wan.h"

namespace dfm::model {
namespace {

// Of the families, only DiT may be divided.
void require_data_parallel(const Config& config) {
  for (const char* const key : {"model.tensor_model_parallel_size", "model.context_parallel_size",
                                "model.pipeline_model_parallel_size", "model.expert_model_parallel_size"}) {
    if (config.integer(key) == 1) continue;
    throw usage_error(
        fmt::format("{} = {} with model.family = {}", key, config.integer(key), config.text("model.family")),
        "this family is trained data-parallel: leave the key at 1");
  }
}

}  // namespace

BackboneSpec backbone_spec(const Config& config) {
  const RecomputePlan plan = recompute_plan(config);
  const std::string& family = config.text("model.family");
  if (family == "dit") return dit_spec(dit_shape(config), plan);
  require_data_parallel(config);
  if (family == "wan") return wan_spec(wan_shape(config), plan);
  return moviegen_spec(moviegen_shape(config), plan);
}

}  // namespace dfm::model
