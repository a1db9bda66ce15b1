#include "model/backbone.h"

#include "model/dit.h"
#include "model/moviegen.h"
#include "model/stdit.h"
#include "model/wan.h"

namespace dfm::model {

BackboneSpec backbone_spec(const Config& config) {
  const RecomputePlan plan = recompute_plan(config);
  const std::string& family = config.text("model.family");
  if (family == "dit") return dit_spec(dit_shape(config), plan);
  if (family == "wan") return wan_spec(wan_shape(config), plan);
  if (family == "stdit") return stdit_spec(dit_shape(config), plan);
  return moviegen_spec(moviegen_shape(config), plan);
}

}  // namespace dfm::model
