// Where the headers of a tar archive are read from: a file, through a window that reads ahead, or bytes that
// are already in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/file.h"

namespace dfm::data {

class TarSource {
 public:
  // The whole file, which must outlive the source.
  explicit TarSource(const File& file);
  // Bytes of an archive that begin at first_offset in it; they must outlive the source.
  TarSource(std::span<const std::byte> bytes, std::uint64_t first_offset);

  // The offset behind the last byte.
  std::uint64_t end() const { return end_; }

  // The bytes at an offset, fewer than `count` only at the end. Valid until the next call.
  //
  // Headers that lie close together come from one read of 64 KiB, and a header behind a large payload costs
  // one read of 4 KiB: payloads that are larger than the window are never read.
  std::span<const std::byte> view(std::uint64_t offset, std::size_t count);

 private:
  void load(std::uint64_t offset, std::size_t count);

  const File* file_ = nullptr;
  std::uint64_t end_ = 0;
  std::vector<std::byte> buffer_;
  std::span<const std::byte> window_;
  std::uint64_t window_offset_ = 0;
};

}  // namespace dfm::data
