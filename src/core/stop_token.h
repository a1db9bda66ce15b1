// The one way to ask a program to stop early: polled at step boundaries and inside every long loop.
//
// Signals TERM, INT, USR1 and USR2 set it; so may the program itself (--stop-after-steps). A rank only
// learns here that it was asked; the ranks agree (comm/agree.h, or a reduction that happens anyway) before
// they leave together with exit code 75.
#pragma once

#include <string>

namespace dfm {

class StopToken {
 public:
  // Installs the signal handlers; several signals, or the same one again, have the effect of one.
  static void install_signal_handlers();

  static void request(const char* reason);  // reason: a string literal
  static bool requested();
  // "signal TERM", "--stop-after-steps", or empty.
  static std::string reason();
};

}  // namespace dfm
