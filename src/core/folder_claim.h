// One program at a time writes into a folder: two would write the same temporary files.
//
//   const FolderClaim claim(folder);  // until it goes out of scope, or the process ends in any way
#pragma once

#include <chrono>
#include <filesystem>

namespace dfm {

class FolderClaim {
 public:
  // Waits a while for another process that has it, since one that was killed may still be ending; then throws
  // a usage error. Where the file system has no locks nothing is claimed.
  explicit FolderClaim(const std::filesystem::path& folder,
                       std::chrono::milliseconds patience = std::chrono::seconds(10));
  FolderClaim(const FolderClaim&) = delete;
  FolderClaim& operator=(const FolderClaim&) = delete;
  ~FolderClaim();

 private:
  int descriptor_;
};

}  // namespace dfm
