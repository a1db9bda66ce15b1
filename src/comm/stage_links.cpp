#include "comm/stage_links.h"

#include <optional>

#include "core/error.h"

namespace dfm::comm {

StageLinks::StageLinks(const Group& stages)
    : StageLinks(pairs(stages, "pp activations"), pairs(stages, "pp gradients")) {}

StageLinks::StageLinks(Pairs activations, Pairs gradients)
    : from_before(std::move(activations.before)),
      to_after(std::move(activations.after)),
      from_after(std::move(gradients.after)),
      to_before(std::move(gradients.before)) {}

// All stages make all pairs, one after the other, and keep their own. Channels between devices are made here,
// too: when they are first used, stages are at different places.
StageLinks::Pairs StageLinks::pairs(const Group& stages, const char* role) {
  ensure(stages.size() > 1, "a pipeline has two stages at least");
  std::optional<Group> before, after;
  for (int stage = 0; stage < stages.size(); ++stage) {
    const bool is_before = stages.rank() == stage, is_after = stages.rank() == (stage + 1) % stages.size();
    Group pair = stages.split(is_before || is_after ? 0 : 1, role);
    if (is_before || is_after) pair.channel();
    if (is_before) after = std::move(pair);
    if (is_after) before = std::move(pair);
  }
  return {std::move(*before), std::move(*after)};
}

}  // namespace dfm::comm
