// The one way to ask a program to stop early: polled at step boundaries and inside every long loop.
//
// Signals TERM, INT, USR1 and USR2 set it; so may the program itself (--stop-after-steps, a time limit). A
// rank only learns here that it was asked; the ranks agree (comm/agree.h, or a reduction that happens anyway)
// before they leave together with exit code 75. Any number of signals has the effect of one. SIGQUIT is left
// alone: it ends a process at once, as kill -9 does, and no more than that can it leave a half-written file.
#pragma once

#include <string>

namespace dfm {

class StopToken {
 public:
  // Safe at any moment of the process's life, and again.
  static void install_signal_handlers();

  static void request(const char* reason);  // reason: a string literal
  static bool requested();
  // Throws an error of kind `stopped` when requested. For a phase that leaves nothing half done and whose
  // outcome the ranks agree on.
  static void throw_if_requested();
  // "signal TERM", "--stop-after-steps", or empty.
  static std::string reason();
};

}  // namespace dfm
