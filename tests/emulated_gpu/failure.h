// What would be wrong on a GPU ends the process here.
#pragma once

#include <string>

namespace dfm::emulated {

[[noreturn]] void fail(const std::string& what);

}  // namespace dfm::emulated
