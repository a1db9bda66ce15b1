#include "core/folder_lock.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "core/stop_token.h"

namespace dfm {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr const char* kName = ".in_use";
constexpr std::chrono::milliseconds kPause{100};
constexpr std::chrono::seconds kPatienceWithin{10}, kPatienceBetween{300};

std::string node() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "an unknown node";
}

// For the words of whoever waits; that a full disk cannot hold it does not matter.
void note_holder(int descriptor) {
  const char* const job = std::getenv("SLURM_JOB_ID");
  const std::string holder = fmt::format("{}, process {}{}", node(), ::getpid(),
                                         job == nullptr ? "" : fmt::format(", Slurm job {}", job));
  if (::ftruncate(descriptor, 0) == 0)
    static_cast<void>(::pwrite(descriptor, holder.data(), holder.size(), 0) == 0);
}

// "node7, process 4711, Slurm job 99"; empty where it cannot be read.
std::string holder_of(const fs::path& lock) {
  try {
    return read_text(lock);
  } catch (const Error&) {
    return "";
  }
}

// Not so where the one before took the file away between our opening and our locking it.
bool is_under_its_name(int descriptor, const fs::path& path) {
  struct stat opened = {}, named = {};
  return ::fstat(descriptor, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

std::chrono::seconds patience_with(const std::string& holder) {
  return holder.starts_with(node() + ",") ? kPatienceWithin : kPatienceBetween;
}

// What a program wants for itself, and the file that stands for it.
struct Wanted {
  fs::path what, file;
};

[[noreturn]] void refuse(const Wanted& wanted, const std::string& holder) {
  throw storage_error(
      fmt::format("{} is in use by another program ({})", wanted.what.native(), holder),
      fmt::format("wait for it or end it, or choose another place; if there is no such program, remove {}",
                  wanted.file.native()));
}

FolderLock wait_for(const Wanted& wanted) {
  const auto start = Clock::now();
  for (bool has_told = false;; has_told = true) {
    if (auto lock = FolderLock::attempt_on(wanted.file)) return std::move(*lock);
    StopToken::throw_if_requested();
    const std::string holder = holder_of(wanted.file);
    if (Clock::now() - start > patience_with(holder)) refuse(wanted, holder);
    if (!has_told) log::info("waiting for another program in {} to end ({})", wanted.what.native(), holder);
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace

FolderLock::FolderLock(fs::path path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}

FolderLock::FolderLock(FolderLock&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

FolderLock::~FolderLock() {
  if (descriptor_ < 0) return;
  ::unlink(path_.c_str());
  ::close(descriptor_);
}

std::optional<FolderLock> FolderLock::attempt(const fs::path& folder) { return attempt_on(folder / kName); }

std::optional<FolderLock> FolderLock::attempt_on(const fs::path& path) {
  for (;;) {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor < 0) return FolderLock(path, -1);
    const int failure = ::flock(descriptor, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
    if (failure == 0 && is_under_its_name(descriptor, path)) {
      note_holder(descriptor);
      return FolderLock(path, descriptor);
    }
    ::close(descriptor);
    if (failure == EWOULDBLOCK) return std::nullopt;
    if (failure != 0) return FolderLock(path, -1);
  }
}

FolderLock lock_folder(const fs::path& folder) { return wait_for({folder, folder / kName}); }

FolderLock lock_output(const fs::path& output) {
  const fs::path named = output.has_filename() ? output : output.parent_path();
  return wait_for({output, named.parent_path() / ("." + named.filename().native() + kName)});
}

}  // namespace dfm
