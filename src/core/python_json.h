// JSON as Python's json.dumps writes it and json.loads takes it, in files of others: also with NaN, Infinity
// and -Infinity, which become null, and with a key twice in an object, of which the last counts. Text is
// UTF-8.
#pragma once

#include <string_view>

#include "core/json.h"

namespace dfm {

// Throws a data error that begins with `what`, as parse_json does. Nesting deeper than 100 levels is refused.
Json parse_python_json(std::string_view text, std::string_view what);

}  // namespace dfm
