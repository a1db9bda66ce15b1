#include "diffusion/objective.h"

#include "diffusion/edm.h"
#include "diffusion/flow.h"

namespace dfm::diffusion {

// Elements of different blocks of the generator.
LevelDraws level_draws(const Philox& random) {
  return {random.normal(0), random.uniform(4), random.uniform(8)};
}

ObjectiveKind objective_kind(const Config& config) {
  const std::string& name = config.text("diffusion.objective");
  if (name == "auto") return config.text("model.family") == "wan" ? ObjectiveKind::flow : ObjectiveKind::edm;
  return name == "flow" ? ObjectiveKind::flow : ObjectiveKind::edm;
}

Objective objective(const Config& config) {
  if (objective_kind(config) == ObjectiveKind::flow) return flow_objective(flow_settings(config));
  return edm_objective(edm_settings(config));
}

}  // namespace dfm::diffusion
