// Reads a file of the shared file system from its start to its end, one piece ahead in a thread, and adds up
// its checksum.
//
//   SourceStream stream(file, 8 << 20);
//   while (...) send(stream.next());
//   stream.finish();                  // throws when the file changed meanwhile
#pragma once

#include <cstddef>
#include <cstdint>
#include <future>
#include <vector>

#include "core/file.h"
#include "core/hash.h"
#include "stage/stage_file.h"

namespace dfm::stage {

class SourceStream {
 public:
  // A data error for a file that vanished or changed since it was looked at.
  SourceStream(const StageFile& file, std::size_t piece_bytes);
  SourceStream(const SourceStream&) = delete;  // its thread refers to it
  SourceStream& operator=(const SourceStream&) = delete;

  // The next piece: all are of piece_bytes, but the last. Read errors that pass are tried again.
  std::vector<std::byte> next();
  // The checksum of all pieces. A data error when the file is no longer what it was.
  std::uint64_t finish() const;

 private:
  std::vector<std::byte> read_at(std::uint64_t offset) const;
  void read_ahead();

  StageFile file_;
  std::size_t piece_bytes_;
  File in_;
  StreamHash hasher_;
  std::uint64_t next_offset_ = 0;
  std::future<std::vector<std::byte>> ahead_;  // last: its destructor waits while the others still live
};

}  // namespace dfm::stage
