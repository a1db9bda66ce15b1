// Counters that all ranks of a group add to, without one of them serving the others: work is handed out by a
// counter that everybody takes the next number from, and what is finished is counted.
//
//   SharedCounters counters(world, 2);
//   while ((block = counters.add(0, 1)) < blocks) ...
//
// They live in a window of rank 0 (MPI's one-sided communication). Networks with atomic operations of their
// own, and shared memory, add at once; elsewhere rank 0 takes part whenever it calls MPI, so it should look
// at a counter now and then while it works.
#pragma once

#include <cstddef>
#include <cstdint>

#include <mpi.h>

#include "comm/group.h"

namespace dfm::comm {

class SharedCounters {
 public:
  // Collective. All are 0.
  SharedCounters(const Group& group, std::size_t count);
  SharedCounters(const SharedCounters&) = delete;
  SharedCounters& operator=(const SharedCounters&) = delete;
  // Collective: every rank must get here, also with an error on its way.
  ~SharedCounters();

  // Adds, and returns the value before.
  std::int64_t add(std::size_t counter, std::int64_t amount);
  std::int64_t read(std::size_t counter) { return add(counter, 0); }

 private:
  const char* role_;  // of the group, for whoever watches
  MPI_Win window_ = MPI_WIN_NULL;
  std::int64_t* values_ = nullptr;  // MPI's
};

}  // namespace dfm::comm
