// A folder that all ranks see, made by rank 0 and removed by it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "comm/group.h"
#include "core/error.h"

namespace dfm::testing {

class SharedFolder {
 public:
  // Collective.
  explicit SharedFolder(const comm::Group& world) : world_(world) {
    std::string name = (std::filesystem::temp_directory_path() / "dfm_mpi_XXXXXX").native();
    if (world.rank() == 0 && ::mkdtemp(name.data()) == nullptr) throw storage_error("cannot make " + name);
    path_ = world.broadcast_text(name, 0);
  }
  SharedFolder(const SharedFolder&) = delete;
  SharedFolder& operator=(const SharedFolder&) = delete;
  ~SharedFolder() {
    world_.barrier();
    std::error_code ignored;
    if (world_.rank() == 0) std::filesystem::remove_all(path_, ignored);
  }

  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  const comm::Group& world_;
  std::filesystem::path path_;
};

}  // namespace dfm::testing
