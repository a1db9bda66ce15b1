// From a path on the command line to the checkpoint that is meant.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ckpt/import/source.h"
#include "comm/group.h"

namespace dfm::ckpt {

// Collective. The newest valid checkpoint of dfm's own below path, its checksums verified, or the foreign
// checkpoint that path is. kinds: of tensors, as for open_dfm_source. Throws an error of kind no_checkpoint
// where there is none.
Source find_source(const comm::Group& world, const std::filesystem::path& path,
                   const std::vector<std::string>& kinds);

}  // namespace dfm::ckpt
