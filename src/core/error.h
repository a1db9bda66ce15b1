// Errors in the user's terms, and the exit codes that are the batch script's contract.
//
// A user meets an Error as three things: what went wrong (with the thing and its value), and what to do
// about it (the hint). Its kind is the exit code of the program. Throw one with the function named after
// its kind:
//
//   throw data_error(fmt::format("{} has no caption", path), "add one to metadata.csv");
#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

namespace dfm {

enum class ExitCode : int {
  done = 0,           // finished
  internal = 1,       // a mistake in dfm, or numbers that are no longer finite
  usage = 2,          // options or configuration
  data = 3,           // input data
  storage = 4,        // file system, permission, quota
  no_checkpoint = 5,  // no valid checkpoint where one is needed
  hang = 6,           // the watchdog ended the run
  partial = 7,        // finished, with items skipped
  stopped = 75,       // stopped early; the same command goes on from here
};

// One short phrase per code, as the manual prints it.
std::string_view describe(ExitCode code);

class Error : public std::runtime_error {
 public:
  Error(ExitCode kind, const std::string& message, std::string hint = "")
      : std::runtime_error(message), kind_(kind), hint_(std::move(hint)) {}

  ExitCode kind() const { return kind_; }
  const std::string& hint() const { return hint_; }

 private:
  ExitCode kind_;
  std::string hint_;
};

Error internal_error(const std::string& message);
Error usage_error(const std::string& message, const std::string& hint = "");
Error data_error(const std::string& message, const std::string& hint = "");
Error storage_error(const std::string& message, const std::string& hint = "");

// A storage error for a failed POSIX call: "cannot <action> <path>: <text of errno_value>", with the remedy
// that belongs to that errno (quota, permission, read-only, ...).
Error system_error(std::string_view action, std::string_view path, int errno_value);

// What any caught exception is in these terms: an Error as it is, lack of memory with its remedy, a failure
// of std::filesystem as storage, the first line of anything else (foreign libraries append stack traces) as
// internal.
Error to_error(const std::exception_ptr& failure);

// Invariant of the program itself: failing means a mistake in dfm, not in its input.
inline void ensure(bool condition, const char* what) {
  if (!condition) throw internal_error(what);
}

}  // namespace dfm
