// Files of one tensor, for tests of what is read from them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>

#include "data/tensor/byte_range.h"
#include "data/tensor/tensor_parts.h"

namespace dfm::testing {

// What torch.save and pickle.dump write.
inline constexpr data::TensorPart kPth{"pth", data::TensorFormat::torch};
inline constexpr data::TensorPart kPickle{"pickle", data::TensorFormat::pickle};

// Bytes that are read as those of a file are, when they are needed. They must outlive the range.
inline data::ByteRange as_file(std::span<const std::byte> bytes) {
  const auto read_at = [bytes](std::uint64_t offset, std::span<std::byte> buffer) {
    if (offset > bytes.size() || buffer.size() > bytes.size() - offset)
      throw std::out_of_range("a read beyond the end of the file");
    std::ranges::copy(bytes.subspan(offset, buffer.size()), buffer.begin());
  };
  return data::ByteRange::through(read_at, bytes.size());
}

}  // namespace dfm::testing
