#include "model/backbone.h"

#include "model/dit.h"

namespace dfm::model {

BackboneSpec backbone_spec(const Config& config) {
  return dit_spec(dit_shape(config), recompute_plan(config));
}

}  // namespace dfm::model
