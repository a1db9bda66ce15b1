// A file system of a few pages, for tests of a full disk. Only root can mount one: is_mounted() says whether
// it worked.
#pragma once

#include <filesystem>
#include <string>

#include <sys/mount.h>

#include "support/temporary_folder.h"

namespace dfm::testing {

class SmallDisk {
 public:
  explicit SmallDisk(std::size_t size_bytes)
      : is_mounted_(::mount("none", folder_.path().c_str(), "tmpfs", 0,
                            ("size=" + std::to_string(size_bytes)).c_str()) == 0) {}
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (is_mounted_) ::umount2(folder_.path().c_str(), MNT_DETACH);
  }

  bool is_mounted() const { return is_mounted_; }
  void make_read_only() const {
    ::mount("none", folder_.path().c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr);
  }
  std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }
  const std::filesystem::path& path() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
  bool is_mounted_;
};

}  // namespace dfm::testing
