#include "ckpt/manifest_lock.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ckpt/manifest.h"

namespace dfm::ckpt {
namespace {

namespace fs = std::filesystem;

bool is_held_by_others(int descriptor, int kind) {
  return ::flock(descriptor, kind | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

bool has_no_name(int descriptor) {
  struct stat opened = {};
  return ::fstat(descriptor, &opened) == 0 && opened.st_nlink == 0;
}

}  // namespace

ManifestLock::ManifestLock(ManifestLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

ManifestLock& ManifestLock::operator=(ManifestLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

ManifestLock::~ManifestLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::optional<ManifestLock> ManifestLock::to_read(const fs::path& checkpoint) {
  const int descriptor = ::open((checkpoint / kManifestName).c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return errno == ENOENT ? std::nullopt : std::optional(ManifestLock(-1));
  ManifestLock lock(descriptor);
  if (is_held_by_others(descriptor, LOCK_SH) || has_no_name(descriptor)) return std::nullopt;
  return lock;
}

// NFS locks alone only what is open for writing.
std::optional<ManifestLock> ManifestLock::to_remove(const fs::path& checkpoint) {
  const int descriptor = ::open((checkpoint / kManifestName).c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0) return ManifestLock(-1);  // removing will tell
  ManifestLock lock(descriptor);
  if (is_held_by_others(descriptor, LOCK_EX)) return std::nullopt;
  return lock;
}

}  // namespace dfm::ckpt
