#include "comm/stage_links.h"

#include <optional>

#include "core/error.h"

namespace dfm::comm {
namespace {

// Of this stage with the one before it and the one after it.
struct Pairs {
  Group before, after;
};

// All stages make all pairs, one after the other, and keep their own. Channels between devices are made here,
// too: when they are first used, stages are at different places.
Pairs pairs(const Group& stages, const char* role) {
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

}  // namespace

StageLinks link_stages(const Group& stages) {
  ensure(stages.size() > 1, "a pipeline has two stages at least");
  Pairs activations = pairs(stages, "pp activations"), gradients = pairs(stages, "pp gradients");
  return {std::move(activations.before), std::move(activations.after), std::move(gradients.after),
          std::move(gradients.before)};
}

}  // namespace dfm::comm
