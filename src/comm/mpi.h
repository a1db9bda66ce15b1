// MPI through checked calls and one owning object for its life.
#pragma once

#include <string>

#include <mpi.h>

namespace dfm::comm {

// Throws an internal error with MPI's own text when status is not MPI_SUCCESS.
void check(int status, const char* call);

// Initialises MPI, and finalises it at the end of main. One object in a process.
class MpiRuntime {
 public:
  MpiRuntime(int* argc, char*** argv);
  MpiRuntime(const MpiRuntime&) = delete;
  MpiRuntime& operator=(const MpiRuntime&) = delete;
  ~MpiRuntime();
};

// Ends all ranks at once with this exit code; for a failure that the other ranks cannot know of.
[[noreturn]] void abort_all(int exit_code);

// Whether threads may call MPI at the same time, each with groups of its own. It is asked for at the start;
// an MPI without it still serves all that one thread does.
bool threads_may_communicate();

std::string host_name();

}  // namespace dfm::comm
