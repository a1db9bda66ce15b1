// Which of a node's copies of checkpoint files have the checksums of the manifest.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ckpt/local_holdings.h"

namespace dfm::ckpt {

struct CopyProblems {
  std::vector<std::string> damaged;     // renamed to NAME.damaged
  std::vector<std::string> unreadable;  // now; they may be whole
};

// Reads the node's copies of the files of the manifest. Called on one rank of a node; what it finds is warned
// of. Throws an error of kind `stopped` when asked to stop meanwhile.
CopyProblems check_copies(const std::filesystem::path& folder, const Holding& holding,
                          const Manifest& manifest);

std::string to_text(const CopyProblems& problems);
CopyProblems copy_problems_from_text(const std::string& text);

}  // namespace dfm::ckpt
