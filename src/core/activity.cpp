#include "core/activity.h"

#include <atomic>

#include <unistd.h>

namespace dfm::activity {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

std::atomic<Phase> current_phase{Phase::starting};
std::atomic<std::int64_t> finished_step{0};
std::atomic<std::uint64_t> notes{0};
std::atomic<const char*> waits_in{nullptr};
std::atomic<const char*> waits_for{nullptr};

void enter(Phase phase) {
  current_phase.store(phase, kRelaxed);
  note_progress();
}

// Threads that copy files beside the steps wait, too; what the watchdog judges is the main thread.
bool is_main_thread() {
  thread_local const bool is_main = ::gettid() == ::getpid();
  return is_main;
}

}  // namespace

const char* describe(Phase phase) {
  switch (phase) {
    case Phase::starting:
      return "starting";
    case Phase::staging:
      return "staging the data set";
    case Phase::opening_data:
      return "opening the data set";
    case Phase::loading:
      return "loading a checkpoint";
    case Phase::training:
      return "training";
    case Phase::validation:
      return "validation";
    case Phase::saving:
      return "saving a checkpoint";
    case Phase::finishing:
      return "finishing";
  }
  return "unknown";
}

Now now() {
  return {current_phase.load(kRelaxed), finished_step.load(kRelaxed), notes.load(kRelaxed),
          waits_in.load(kRelaxed), waits_for.load(kRelaxed)};
}

// One thread writes, so that the sum needs no locked instruction.
void note_progress() { notes.store(notes.load(kRelaxed) + 1, kRelaxed); }

void note_step(std::int64_t finished) {
  finished_step.store(finished, kRelaxed);
  note_progress();
}

PhaseScope::PhaseScope(Phase phase) : before_(current_phase.load(kRelaxed)) { enter(phase); }

PhaseScope::~PhaseScope() { enter(before_); }

WaitScope::WaitScope(const char* collective, const char* group) {
  if (!is_main_thread()) return;
  waits_for.store(group, kRelaxed);
  waits_in.store(collective, kRelaxed);
  note_progress();
}

WaitScope::~WaitScope() {
  if (!is_main_thread()) return;
  waits_in.store(nullptr, kRelaxed);
  note_progress();
}

}  // namespace dfm::activity
