// Regular expressions as Python writes them, for options that users know from Energon.
#pragma once

#include <regex>
#include <string>
#include <string_view>

namespace dfm::data {

// Python's dialect where it differs from ECMAScript's in what people write for names of files: a brace that
// opens no repetition stands for itself, {,n} repeats up to n times, \A and \Z are the two ends. Look-behind,
// named groups and inline flags are not taken over. Throws a usage error that begins with `what`.
std::regex python_regex(std::string_view pattern, std::string_view what);

}  // namespace dfm::data
