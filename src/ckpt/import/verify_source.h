// Reading a foreign checkpoint from end to end, to see whether it is whole.
#pragma once

#include <cstdint>
#include <string>

#include "ckpt/import/source.h"
#include "comm/group.h"

namespace dfm::ckpt {

struct VerifyReport {
  std::int64_t tensors = 0;
  std::int64_t parameters = 0;
  std::uint64_t bytes = 0;
  std::uint64_t checked_bytes = 0;  // with a recorded checksum
  bool stopped = false;
};

// What a source holds, without reading elements.
VerifyReport count_source(const Source& source);

// Collective. All ranks read their share and compare what has a checksum. Throws an error of kind
// no_checkpoint for what is damaged.
VerifyReport verify_source(const comm::Group& world, const Source& source);

}  // namespace dfm::ckpt
