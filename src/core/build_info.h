// What this build is.
#pragma once

#include <string_view>

namespace dfm {

// "1.2.3".
std::string_view version();

}  // namespace dfm
