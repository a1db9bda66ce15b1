// What this process is doing, in a few lock-free words: the main thread notes it, the watchdog's thread
// (comm/watchdog.h) and whoever reports the end of a run read it. Noting costs a few plain stores.
//
//   const activity::PhaseScope phase(activity::Phase::saving);
//   {
//     const activity::WaitScope wait("all_reduce", "dp");   // both must live as long as the process
//     MPI_Allreduce(...);
//   }
#pragma once

#include <cstdint>

namespace dfm::activity {

enum class Phase : std::int32_t {
  starting,
  staging,
  opening_data,
  loading,
  training,
  validation,
  saving,
  finishing
};

// "opening the data set".
const char* describe(Phase phase);

struct Now {
  Phase phase = Phase::starting;
  std::int64_t step = 0;             // finished
  std::uint64_t progress = 0;        // grows with every note
  const char* collective = nullptr;  // that the main thread waits in
  const char* group = nullptr;       // the role of its group
};

// From any thread. The fields are read one by one: what is noted in that moment may be half new.
Now now();

// From the main thread only.
void note_progress();
void note_step(std::int64_t finished);

class PhaseScope {
 public:
  explicit PhaseScope(Phase phase);
  PhaseScope(const PhaseScope&) = delete;
  PhaseScope& operator=(const PhaseScope&) = delete;
  ~PhaseScope();

 private:
  Phase before_;
};

// Notes nothing in other threads.
class WaitScope {
 public:
  WaitScope(const char* collective, const char* group);
  WaitScope(const WaitScope&) = delete;
  WaitScope& operator=(const WaitScope&) = delete;
  ~WaitScope();
};

}  // namespace dfm::activity
