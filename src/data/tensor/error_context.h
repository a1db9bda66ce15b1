// Tells where a data error happened: the function that finds a mistake names the mistake, its callers put the
// place before it, and the user reads "cat.pth: byte 12: os.system is not allowed".
#pragma once

#include <string>

#include "core/error.h"

namespace dfm::data {

// Runs body; a data error that leaves it gets the text that `context` returns and a colon before its own.
// Other kinds pass unchanged.
template <class Context, class Body>
auto with_context(Context&& context, Body&& body) {
  try {
    return body();
  } catch (const Error& error) {
    if (error.kind() != ExitCode::data) throw;
    throw Error(ExitCode::data, std::string(context()) + ": " + error.what(), error.hint());
  }
}

}  // namespace dfm::data
