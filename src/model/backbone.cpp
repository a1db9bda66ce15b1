#include "model/backbone.h"

#include <fmt/core.h>

#include "core/error.h"
#include "model/dit.h"
#include "model/moviegen.h"
#include "model/stdit.h"
#include "model/wan.h"

namespace dfm::model {

namespace {

// Another family would train without them.
void require_no_experts(const Config& config) {
  if (config.is_null("model.num_moe_experts")) return;
  throw usage_error(fmt::format("model.num_moe_experts = {} with model.family = {}",
                                config.integer("model.num_moe_experts"), config.text("model.family")),
                    "only moviegen has experts; give model.family=moviegen, or leave them out");
}

}  // namespace

BackboneSpec backbone_spec(const Config& config) {
  const RecomputePlan plan = recompute_plan(config);
  const std::string& family = config.text("model.family");
  if (family == "moviegen") return moviegen_spec(moviegen_shape(config), plan);
  require_no_experts(config);
  if (family == "dit") return dit_spec(dit_shape(config), plan);
  if (family == "wan") return wan_spec(wan_shape(config), plan);
  return stdit_spec(dit_shape(config), plan);
}

}  // namespace dfm::model
