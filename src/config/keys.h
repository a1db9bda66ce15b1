// All configuration keys of dfm, for every program: one shared file can then configure a whole workflow.
//
// To add a key, add one line to the table of its section in src/config/keys/.
#pragma once

#include "config/config.h"

namespace dfm {

const KeyTable& all_keys();

}  // namespace dfm
