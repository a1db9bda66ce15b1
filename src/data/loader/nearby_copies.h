// Where a source may find copies of its files that are nearer than the files themselves (src/stage makes
// them). A copy holds the same bytes, so what is read does not depend on what is found.
#pragma once

#include <filesystem>
#include <functional>

#include "data/energon/find_copy.h"

namespace dfm::data {

// The functions may be called from several threads. Empty functions: there are no copies.
struct NearbyCopies {
  FindCopy find;
  // Called for a file whose copy could not be read while the file itself could.
  std::function<void(const std::filesystem::path&)> give_up;
};

}  // namespace dfm::data
