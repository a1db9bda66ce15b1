#include "core/folder_claim.h"

#include <cerrno>
#include <thread>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/error.h"

namespace dfm {
namespace {

bool is_anothers(int descriptor) {
  return ::flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

}  // namespace

FolderClaim::FolderClaim(const std::filesystem::path& folder, std::chrono::milliseconds patience)
    : descriptor_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  constexpr std::chrono::milliseconds kPause{100};
  const auto end = std::chrono::steady_clock::now() + patience;
  while (descriptor_ >= 0 && is_anothers(descriptor_)) {
    if (std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(kPause);
      continue;
    }
    ::close(descriptor_);
    throw usage_error(fmt::format("another program writes into {} just now", folder.native()),
                      "wait until it has ended, or choose another folder");
  }
}

FolderClaim::~FolderClaim() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace dfm
