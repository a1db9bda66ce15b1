// Where the central directory of a ZIP archive lies.
#pragma once

#include <cstdint>

#include "data/tensor/byte_range.h"

namespace dfm::data::zip {

struct DirectoryPlace {
  std::uint64_t offset = 0;
  std::uint64_t size_bytes = 0;
  std::uint64_t entries = 0;
};

// From the end record, or the ZIP64 one where there is one. Throws a data error for a file that has none, and
// for an archive in several volumes.
DirectoryPlace find_directory(const ByteRange& file);

}  // namespace dfm::data::zip
