// A folder that the ranks fill together is theirs alone: core/folder_lock.h for all of them.
//
//   const auto lock = comm::locked_folder(world, folder);  // until it goes out of scope
#pragma once

#include <filesystem>
#include <optional>

#include "comm/group.h"
#include "core/folder_lock.h"

namespace dfm::comm {

// Collective. Makes the folder where it is not there. Rank 0 waits for the lock and has it; the others have
// none. All throw what lock_folder throws.
std::optional<FolderLock> locked_folder(const Group& world, const std::filesystem::path& folder);

// Collective. The same for an output that gets its name by a rename.
std::optional<FolderLock> locked_output(const Group& world, const std::filesystem::path& output);

}  // namespace dfm::comm
