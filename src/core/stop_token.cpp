#include "core/stop_token.h"

#include <atomic>
#include <csignal>

#include "core/error.h"

namespace dfm {
namespace {

// Lock-free, so that a signal handler may set it.
std::atomic<const char*> stop_reason{nullptr};
static_assert(std::atomic<const char*>::is_always_lock_free);

const char* reason_of(int signal_number) {
  switch (signal_number) {
    case SIGTERM:
      return "signal TERM";
    case SIGINT:
      return "signal INT";
    case SIGUSR1:
      return "signal USR1";
    case SIGUSR2:
      return "signal USR2";
    default:
      return "a signal";
  }
}

extern "C" void on_stop_signal(int signal_number) { StopToken::request(reason_of(signal_number)); }

}  // namespace

void StopToken::install_signal_handlers() {
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigset_t listened_to{};
  sigemptyset(&listened_to);
  for (const int signal_number : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2}) {
    sigaction(signal_number, &action, nullptr);
    sigaddset(&listened_to, signal_number);
  }
  // A launcher may have blocked them, so that one that came while the program was loaded waits until here.
  pthread_sigmask(SIG_UNBLOCK, &listened_to, nullptr);
}

void StopToken::request(const char* reason) {
  const char* expected = nullptr;
  stop_reason.compare_exchange_strong(expected, reason);
}

bool StopToken::requested() { return stop_reason.load() != nullptr; }

void StopToken::throw_if_requested() {
  if (requested()) throw Error(ExitCode::stopped, reason());
}

std::string StopToken::reason() {
  const char* const reason = stop_reason.load();
  return reason == nullptr ? "" : reason;
}

}  // namespace dfm
