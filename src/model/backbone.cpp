#include "model/backbone.h"

#include "model/dit.h"
#include "model/wan.h"

namespace dfm::model {

BackboneSpec backbone_spec(const Config& config) {
  const RecomputePlan plan = recompute_plan(config);
  if (config.text("model.family") == "wan") return wan_spec(wan_shape(config), plan);
  return dit_spec(dit_shape(config), plan);
}

}  // namespace dfm::model
