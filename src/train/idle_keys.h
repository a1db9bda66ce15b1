// Words on the command line that a run would not look at. Who gives one believes that it does something, and
// finds out after days that the checkpoints are not on the nodes' disks, or that there is no file of weights.
#pragma once

#include "config/config.h"

namespace dfm::train {

// Throws a usage error for a key on the command line that others leave without effect, and names those, for
// what a plan alone looks at without one, and for more than one of --plan, --data-only and --preflight.
// Recipes and files may hold keys for every kind of run, and so may words that say what holds anyway.
void refuse_idle_keys(const Config& config);

}  // namespace dfm::train
