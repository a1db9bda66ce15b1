#include "comm/mpi.h"

#include <array>
#include <cstdlib>

#include <fmt/core.h>

#include "comm/launcher.h"
#include "core/error.h"

namespace dfm::comm {

void check(int status, const char* call) {
  if (status == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(status, text.data(), &length);
  throw internal_error(fmt::format("{} failed: {}", call, text.data()));
}

MpiRuntime::MpiRuntime(int* argc, char*** argv) {
  if (!launched_rank()) prepare_to_be_alone();
  int provided = MPI_THREAD_SINGLE;
  check(MPI_Init_thread(argc, argv, MPI_THREAD_MULTIPLE, &provided), "MPI_Init_thread");
  check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  if (provided < MPI_THREAD_FUNNELED) {
    throw usage_error("this MPI does not allow threads beside it (MPI_THREAD_FUNNELED)",
                      "use an MPI that was built with thread support");
  }
}

MpiRuntime::~MpiRuntime() { MPI_Finalize(); }

void abort_all(int exit_code) {
  MPI_Abort(MPI_COMM_WORLD, exit_code);
  std::_Exit(exit_code);  // not reached with a working MPI
}

bool threads_may_communicate() {
  int provided = MPI_THREAD_SINGLE;
  check(MPI_Query_thread(&provided), "MPI_Query_thread");
  return provided >= MPI_THREAD_MULTIPLE;
}

std::string host_name() {
  std::array<char, MPI_MAX_PROCESSOR_NAME> name{};
  int length = 0;
  check(MPI_Get_processor_name(name.data(), &length), "MPI_Get_processor_name");
  return {name.data(), static_cast<std::size_t>(length)};
}

}  // namespace dfm::comm
