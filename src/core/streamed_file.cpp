#include "core/streamed_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "core/file.h"
#include "core/system_error.h"

namespace dfm {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kPieceBytes = 4U << 20U;
constexpr std::size_t kAlignment = 4096;  // what writes past the cache want of memory, offset and length

struct Free {
  void operator()(std::byte* memory) const noexcept { std::free(memory); }
};
using Piece = std::unique_ptr<std::byte[], Free>;

Piece new_piece() {
  auto* const memory = static_cast<std::byte*>(std::aligned_alloc(kAlignment, kPieceBytes));
  if (memory == nullptr) throw std::bad_alloc();
  return Piece(memory);
}

// The file, whose writes go through the page cache or past it.
class Target {
 public:
  explicit Target(fs::path path)
      : path_(std::move(path)),
        descriptor_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
    if (descriptor_ < 0) throw_system_error("create", path_.native(), errno);
  }
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  ~Target() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  void write_whole_piece(const Piece& piece, std::uint64_t offset) {
    if (!was_tried_) set_past_cache(true);
    write({piece.get(), kPieceBytes}, offset);
    if (!is_past_cache_) {  // so that commit() has less to wait for
      ::sync_file_range(descriptor_, static_cast<off_t>(offset), kPieceBytes, SYNC_FILE_RANGE_WRITE);
    }
  }

  void write_rest(std::span<const std::byte> bytes, std::uint64_t offset) {
    set_past_cache(false);
    write(bytes, offset);
  }

  void close() {
    if (::close(std::exchange(descriptor_, -1)) != 0) throw_system_error("write", path_.native(), errno);
  }

 private:
  void set_past_cache(bool wanted) {
    was_tried_ = true;
    if (wanted == is_past_cache_) return;
    const int flags = ::fcntl(descriptor_, F_GETFL);
    if (::fcntl(descriptor_, F_SETFL, wanted ? flags | O_DIRECT : flags & ~O_DIRECT) == 0)
      is_past_cache_ = wanted;
  }

  void write(std::span<const std::byte> bytes, std::uint64_t offset) {
    while (!bytes.empty()) {
      const auto count = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (count >= 0) {
        bytes = bytes.subspan(static_cast<std::size_t>(count));
        offset += static_cast<std::uint64_t>(count);
      } else if (errno == EINVAL &&
                 is_past_cache_) {  // not here after all, or not from where a short write ended
        set_past_cache(false);
      } else if (errno != EINTR) {
        throw_system_error("write", path_.native(), errno);
      }
    }
  }

  fs::path path_;
  int descriptor_ = -1;
  bool was_tried_ = false, is_past_cache_ = false;
};

}  // namespace

class StreamedFile::Writing {
 public:
  explicit Writing(const fs::path& path) : target_(path) {}

  void append(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const auto taken = bytes.first(std::min(bytes.size(), kPieceBytes - gathered_));
      std::memcpy(piece_.get() + gathered_, taken.data(), taken.size());
      gathered_ += taken.size();
      bytes = bytes.subspan(taken.size());
      if (gathered_ == kPieceBytes) write_piece();
    }
  }

  void finish() {
    target_.write_rest({piece_.get(), gathered_}, written_);
    target_.close();
  }

 private:
  void write_piece() {
    target_.write_whole_piece(piece_, written_);
    written_ += kPieceBytes;
    gathered_ = 0;
  }

  Target target_;
  Piece piece_ = new_piece();
  std::size_t gathered_ = 0;
  std::uint64_t written_ = 0;
};

StreamedFile::StreamedFile(fs::path path)
    : path_(std::move(path)), writing_(std::make_unique<Writing>(temporary_name(path_))) {}

StreamedFile::StreamedFile(StreamedFile&&) noexcept = default;

StreamedFile::~StreamedFile() {
  if (!writing_) return;
  writing_.reset();
  std::error_code ignored;
  fs::remove(temporary_name(path_), ignored);
}

void StreamedFile::append(std::span<const std::byte> bytes) { writing_->append(bytes); }

void StreamedFile::commit() {
  writing_->finish();
  commit_durably(temporary_name(path_), path_);
  writing_.reset();
}

}  // namespace dfm
