// A failed call of the operating system that keeps its errno, so that what may pass by itself can be tried
// again: a network file system that hiccups, not a disk that is full.
//
//   const auto bytes = with_retries([&] { return read(path); });
#pragma once

#include <chrono>
#include <string_view>

#include "core/error.h"

namespace dfm {

class SystemError : public Error {
 public:
  SystemError(const Error& error, int errno_value) : Error(error), errno_value_(errno_value) {}
  int errno_value() const { return errno_value_; }

 private:
  int errno_value_;
};

// Throws system_error(action, path, errno_value) as a SystemError.
[[noreturn]] void throw_system_error(std::string_view action, std::string_view path, int errno_value);

// EIO, ESTALE, ETIMEDOUT, EAGAIN and the like: what may be gone a second later. Not a full disk, a used-up
// quota, a missing permission.
bool is_transient(int errno_value);

struct RetryPolicy {
  int attempts = 5;
  std::chrono::milliseconds first_pause{200};  // doubled each time: 3 s in all
};

// Warns of the failed attempt and waits.
void pause_before_retry(const SystemError& error, const RetryPolicy& policy, int failed_attempts);

// Runs body again after a transient SystemError; every other error, and that of the last attempt, passes.
template <class Body>
auto with_retries(Body&& body, const RetryPolicy& policy = {}) {
  for (int failed = 1;; ++failed) {
    try {
      return body();
    } catch (const SystemError& error) {
      if (!is_transient(error.errno_value()) || failed >= policy.attempts) throw;
      pause_before_retry(error, policy, failed);
    }
  }
}

}  // namespace dfm
