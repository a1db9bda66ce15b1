// What tells a run's node-local checkpoints from those of other runs: a random name that lies in the shared
// folder of its checkpoints, as run_id.txt. Whoever removes that folder has a new run, whatever is left on
// the nodes.
#pragma once

#include <filesystem>
#include <string>

namespace dfm::ckpt {

inline constexpr const char* kRunIdName = "run_id.txt";

// 16 hexadecimal digits. Makes the file where there is none; throws a data error for one that is damaged.
// Called on one rank.
std::string run_id(const std::filesystem::path& root);

}  // namespace dfm::ckpt
