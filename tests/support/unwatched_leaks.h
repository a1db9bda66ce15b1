// What is allocated while an UnwatchedLeaks lives is no leak to the sanitizer: for libraries that keep some
// of their memory until the process ends.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

namespace dfm::testing {

#if defined(__SANITIZE_ADDRESS__)
using UnwatchedLeaks = __lsan::ScopedDisabler;
#else
struct UnwatchedLeaks {};
#endif

}  // namespace dfm::testing
