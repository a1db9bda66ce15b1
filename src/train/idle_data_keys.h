// Words about data that a run would not look at. Who gives one believes that it does something.
#pragma once

#include "config/config.h"

namespace dfm::train {

// Throws a usage error for a score with made-up samples, and for a key of [dataset] on the command line that
// the others leave without effect. Recipes and files may hold keys for either kind of data.
void refuse_idle_data_keys(const Config& config);

}  // namespace dfm::train
