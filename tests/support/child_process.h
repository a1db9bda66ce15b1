// Runs a piece of a test in a process of its own: for what is killed, limited, or changes the whole process.
#pragma once

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

#include "support/temporary_folder.h"

namespace dfm::testing {

struct ChildResult {
  int exit_code = -1;  // negative where a signal ended it
  int signal_number = 0;
  std::string standard_error;
};

inline ChildResult run_in_child(const std::function<int()>& body) {
  static constexpr int kThrew = 99;
  const TemporaryFolder folder;
  const std::string error_file = folder / "stderr";
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("cannot fork");
  if (child == 0) {
    int code = kThrew;
    if (std::freopen(error_file.c_str(), "w", stderr) == nullptr) ::_exit(kThrew);
    try {
      code = body();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "the child threw: %s\n", error.what());
    }
    std::fflush(stderr);
    ::_exit(code);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  ChildResult result;
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal_number = WTERMSIG(status);
  result.standard_error = file_content(error_file);
  return result;
}

}  // namespace dfm::testing
