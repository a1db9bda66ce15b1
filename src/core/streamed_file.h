// A large file that is written from front to back and appears durably or not at all, as a DurableFile does.
//
//   StreamedFile file(path);
//   file.append(bytes);
//   file.commit();           // without it the destructor removes the temporary file
//
// Pieces of 4 MiB go past the page cache where the file system allows it: the copy into the cache costs more
// than the disk does, and drives out what others read. A file smaller than a piece goes through the cache,
// where its first readers find it.
#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

#include "core/file.h"

namespace dfm {

class StreamedFile {
 public:
  explicit StreamedFile(std::filesystem::path path);

  void append(std::span<const std::byte> bytes);
  void append(std::string_view text) { append(std::as_bytes(std::span(text))); }
  void commit();

 private:
  static constexpr std::size_t kPieceBytes = 4U << 20U;
  static constexpr std::size_t kPageBytes = 4096;
  struct alignas(kPageBytes) Piece {
    std::array<std::byte, kPieceBytes> bytes;
  };

  DurableFile file_;
  std::unique_ptr<Piece> piece_;
  std::size_t gathered_ = 0;
};

}  // namespace dfm
