#include "core/system_error.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <thread>

#include "core/log.h"

namespace dfm {

void throw_system_error(std::string_view action, std::string_view path, int errno_value) {
  throw SystemError(system_error(action, path, errno_value), errno_value);
}

bool is_transient(int errno_value) {
  static constexpr std::array kTransient{EIO,      ESTALE,     ETIMEDOUT,    EAGAIN,       EINTR,
                                         EBUSY,    ECONNRESET, ENETUNREACH,  EHOSTUNREACH, ENOTCONN,
                                         ENETDOWN, EHOSTDOWN,  ECONNREFUSED, EREMOTEIO};
  return std::ranges::find(kTransient, errno_value) != kTransient.end();
}

void pause_before_retry(const SystemError& error, const RetryPolicy& policy, int failed_attempts) {
  const auto pause = policy.first_pause * (1 << (failed_attempts - 1));
  log::warn("{}; attempt {} of {} follows in {} ms", error.what(), failed_attempts + 1, policy.attempts,
            pause.count());
  std::this_thread::sleep_for(pause);
}

}  // namespace dfm
