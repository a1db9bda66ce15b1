// [plan]: what dfm_train --plan plans for, and how it answers.
#include "config/keys/sections.h"

namespace dfm::keys {

std::vector<Key> plan_keys() {
  return {
      integer("plan.ranks", {}, "Ranks to plan for; null: those of this start")
          .at_least(1)
          .at_most(1'000'000),
      integer("plan.ranks_per_node", 8, "Ranks on a node, which share a faster link").at_least(1),
      real("plan.suggest_gib", {}, "Rank the layouts that fit into so much memory a rank").above(0).in("GiB"),
      flag("plan.json", false, "Print the plan as JSON"),
  };
}

}  // namespace dfm::keys
