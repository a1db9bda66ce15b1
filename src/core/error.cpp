#include "core/error.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <new>

#include <fmt/core.h>

#include "core/memory.h"

namespace dfm {

std::string_view describe(ExitCode code) {
  switch (code) {
    case ExitCode::done:
      return "done";
    case ExitCode::internal:
      return "internal error, or numbers that are no longer finite";
    case ExitCode::usage:
      return "options or configuration";
    case ExitCode::data:
      return "input data";
    case ExitCode::storage:
      return "file system, permission or quota";
    case ExitCode::no_checkpoint:
      return "no valid checkpoint";
    case ExitCode::hang:
      return "a rank stopped making progress";
    case ExitCode::partial:
      return "done, with items skipped";
    case ExitCode::stopped:
      return "stopped early; the same command goes on from here";
  }
  return "unknown";
}

Error internal_error(const std::string& message) {
  return {ExitCode::internal, message, "this is a mistake in dfm; please report it with the command line"};
}

Error usage_error(const std::string& message, const std::string& hint) {
  return {ExitCode::usage, message, hint};
}

Error data_error(const std::string& message, const std::string& hint) {
  return {ExitCode::data, message, hint};
}

Error storage_error(const std::string& message, const std::string& hint) {
  return {ExitCode::storage, message, hint};
}

namespace {

const char* remedy_for(int errno_value) {
  switch (errno_value) {
    case ENOSPC:
      return "the file system is full: free some space or choose another folder";
    case EDQUOT:
      return "your quota is used up: remove files or choose another folder";
    case EFBIG:
      return "the file grew past a size limit (ulimit -f or the file system's own)";
    case EROFS:
      return "the file system is mounted read-only: choose another folder";
    case EACCES:
    case EPERM:
      return "check the permissions of the file and of its folder";
    case ENOENT:
      return "check the spelling, and that the folder is mounted on this node";
    case ENAMETOOLONG:
      return "choose a shorter name";
    case ENOTDIR:
      return "a part of this path is a file where a folder is needed";
    case EISDIR:
      return "this is a folder where a file is needed";
    case EMFILE:
      return "too many open files: raise ulimit -n";
    case EIO:
      return "the device reports an error: look at the system log";
    default:
      return "";
  }
}

}  // namespace

Error system_error(std::string_view action, std::string_view path, int errno_value) {
  return storage_error(fmt::format("cannot {} {}: {}", action, path, std::strerror(errno_value)),
                       remedy_for(errno_value));
}

namespace {

Error out_of_memory(const std::string& detail) {
  return {ExitCode::internal, detail, "use more ranks or nodes, or a smaller batch or model"};
}

}  // namespace

Error to_error(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return out_of_memory("out of memory");
  } catch (const std::filesystem::filesystem_error& error) {
    return system_error("use", error.path1().native(), error.code().value());
  } catch (const std::exception& error) {
    const std::string text = error.what();
    const std::string first_line = text.substr(0, text.find('\n'));
    if (is_lack_of_memory(failure)) return out_of_memory(first_line);
    return {ExitCode::internal, first_line};
  } catch (...) {
    return {ExitCode::internal, "something was thrown that is not an exception"};
  }
}

}  // namespace dfm
