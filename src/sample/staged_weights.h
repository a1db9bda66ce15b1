// The weights' copy on this node, as stage.mode asks for it: one rank reads the file from the shared file
// system, the nodes forward it to each other, and each writes it once for all its ranks.
#pragma once

#include <filesystem>
#include <memory>

#include "comm/group.h"
#include "config/config.h"
#include "stage/staging.h"

namespace dfm::sample {

class StagedWeights {
 public:
  // Collective; so is its end, which removes the copy unless stage.keep. With stage.mode=none nothing is
  // copied. Throws on all ranks what stands in the way: no scratch, one that is full, a file that vanished or
  // changed meanwhile.
  StagedWeights(const Config& config, const comm::Group& world);

  // What to read: the copy, or the file itself.
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  std::unique_ptr<stage::Staging> staging_;
};

}  // namespace dfm::sample
