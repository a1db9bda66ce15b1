// The error that a call throws, for tests of its kind, message and hint.
#pragma once

#include <string>

#include <gtest/gtest.h>

#include "core/error.h"

namespace dfm::testing {

template <class Body>
Error error_of(Body&& body) {
  try {
    body();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error was thrown";
  return {ExitCode::done, ""};
}

}  // namespace dfm::testing
