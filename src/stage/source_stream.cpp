#include "stage/source_stream.h"

#include <algorithm>

#include "core/error.h"
#include "core/system_error.h"

namespace dfm::stage {
namespace {

constexpr RetryPolicy kRetries{.attempts = 3};

const StageFile& unchanged(const StageFile& file) {
  require_unchanged(file);
  return file;
}

}  // namespace

SourceStream::SourceStream(const StageFile& file, std::size_t piece_bytes)
    : file_(unchanged(file)), piece_bytes_(piece_bytes), in_(File::open_to_read(file.source)) {
  read_ahead();
}

std::vector<std::byte> SourceStream::read_at(std::uint64_t offset) const {
  std::vector<std::byte> piece(std::min<std::uint64_t>(piece_bytes_, file_.size_bytes - offset));
  with_retries([&] { in_.read_exactly(piece, offset); }, kRetries);
  return piece;
}

void SourceStream::read_ahead() {
  if (next_offset_ >= file_.size_bytes) return;
  ahead_ = std::async(std::launch::async, [this, offset = next_offset_] { return read_at(offset); });
  next_offset_ = std::min<std::uint64_t>(next_offset_ + piece_bytes_, file_.size_bytes);
}

std::vector<std::byte> SourceStream::next() {
  ensure(ahead_.valid(), "a source stream has no next piece");
  std::vector<std::byte> piece;
  try {
    piece = ahead_.get();
  } catch (const Error&) {
    require_unchanged(file_);  // says more than "cut short" where the file shrank
    throw;
  }
  read_ahead();
  hasher_.update(piece);
  return piece;
}

std::uint64_t SourceStream::finish() const {
  require_unchanged(file_);
  return hasher_.digest();
}

}  // namespace dfm::stage
