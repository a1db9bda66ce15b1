// All configuration keys of dfm, for every program: one shared file can then configure a whole workflow.
//
// To add a key, add one line to the table of its section in src/config/keys/.
#pragma once

#include <string_view>

#include "config/config.h"

namespace dfm {

const KeyTable& all_keys();

// Whether a key belongs to what weights carry of their training run: it says what they are.
bool describes_weights(std::string_view key);

}  // namespace dfm
