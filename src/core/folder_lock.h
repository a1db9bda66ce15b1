// One program at a time fills a folder: two would take each other's unfinished files away. The lock is on
// FOLDER/.in_use, which says who has it and goes with the lock. Of a process that was killed the file stays,
// but the kernel gives the lock back.
//
//   const FolderLock lock = lock_folder(folder);  // until it goes out of scope
#pragma once

#include <filesystem>
#include <optional>

namespace dfm {

class FolderLock {
 public:
  // Nothing while another process has it. Where the file cannot be made, or the file system has no locks,
  // nothing is locked: the first write will tell what is wrong with the folder.
  static std::optional<FolderLock> attempt(const std::filesystem::path& folder);
  // The same by the name of the file.
  static std::optional<FolderLock> attempt_on(const std::filesystem::path& path);

  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&&) = delete;
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  ~FolderLock();

 private:
  FolderLock(std::filesystem::path path, int descriptor);

  std::filesystem::path path_;
  int descriptor_;  // -1: nothing is locked
};

// Waits for another process that may just be ending: 10 s for one of this node, 5 minutes for another node's,
// since a shared file system may keep the lock of a lost node until it has given that up. Throws a storage
// error that names the other where it goes on, and what a stop token throws when it is asked to stop
// meanwhile.
FolderLock lock_folder(const std::filesystem::path& folder);

// The same for a file or folder that gets its name by a rename, beside which it is made: the lock is on
// .NAME.in_use, also beside it.
FolderLock lock_output(const std::filesystem::path& output);

}  // namespace dfm
