#include "comm/locked_folder.h"

#include "comm/agree.h"
#include "core/file.h"

namespace dfm::comm {

std::optional<FolderLock> locked_folder(const Group& world, const std::filesystem::path& folder) {
  return agreed(world, [&]() -> std::optional<FolderLock> {
    if (world.rank() != 0) return std::nullopt;
    make_folder(folder);
    return lock_folder(folder);
  });
}

std::optional<FolderLock> locked_output(const Group& world, const std::filesystem::path& output) {
  return agreed(world, [&]() -> std::optional<FolderLock> {
    if (world.rank() != 0) return std::nullopt;
    make_folder(std::filesystem::absolute(output).parent_path());
    return lock_output(output);
  });
}

}  // namespace dfm::comm
