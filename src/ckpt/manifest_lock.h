// Who reads a checkpoint keeps it from being pruned by a run that goes on. The lock is on the manifest
// itself: reading writes nothing into a checkpoint, and the kernel gives the lock back however the reader
// ends. Where a file system has no locks, nothing is locked.
//
//   const auto lock = ManifestLock::to_read(folder);     // empty: the checkpoint is gone
//   const auto lock = ManifestLock::to_remove(folder);   // empty: somebody reads it
#pragma once

#include <filesystem>
#include <optional>

namespace dfm::ckpt {

class ManifestLock {
 public:
  // Together with others that read.
  static std::optional<ManifestLock> to_read(const std::filesystem::path& checkpoint);
  static std::optional<ManifestLock> to_remove(const std::filesystem::path& checkpoint);

  ManifestLock(ManifestLock&& other) noexcept;
  ManifestLock& operator=(ManifestLock&& other) noexcept;
  ManifestLock(const ManifestLock&) = delete;
  ManifestLock& operator=(const ManifestLock&) = delete;
  ~ManifestLock();

 private:
  explicit ManifestLock(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;  // -1: nothing is locked
};

}  // namespace dfm::ckpt
