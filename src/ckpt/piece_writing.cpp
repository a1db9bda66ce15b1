// Writing a rank's file. HDF5 lays the file out and describes it; the values, which are nearly all of it, are
// written past the library, so that they are hashed while they are at hand and reach the device while the
// next ones are copied.
#include <algorithm>
#include <bit>

#include <fmt/core.h>

#include "ckpt/hdf5_file.h"
#include "ckpt/pieces.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"

namespace dfm::ckpt {
namespace {

static_assert(std::endian::native == std::endian::little, "values are stored as they lie in memory");

constexpr std::size_t kPartBytes = 1U << 20U;
constexpr std::uint64_t kFlushedAtOnce = 32U << 20U;
constexpr std::uint64_t kPage = 4096;

struct Extent {
  std::uint64_t offset;
  std::span<const std::byte> bytes;
  std::uint64_t end() const { return offset + bytes.size(); }
};

// The file without its values; where these belong, in the order of the file.
std::vector<Extent> lay_out(const std::filesystem::path& path, const std::vector<Piece>& pieces) {
  std::vector<Extent> extents;
  Hdf5File file = Hdf5File::create(path, pieces.size());
  for (const Piece& piece : pieces) {
    ensure(!piece.is_distant(), "a snapshot is taken of distant values before they are written");
    const std::uint64_t offset =
        file.reserve(fmt::format("/{}/{}@{}", piece.kind, piece.parameter, place_text(piece)),
                     piece.values.size(), {{kShapeAttribute, piece.global_shape}});
    if (!piece.values.empty()) extents.push_back({offset, std::as_bytes(piece.values)});
  }
  file.close();
  std::ranges::sort(extents, {}, &Extent::offset);
  return extents;
}

// Fills the extents of a file, hashing it from front to back.
class Filler {
 public:
  explicit Filler(const std::filesystem::path& path) : file_(File::open_to_update(path)) {}

  void fill(const Extent& extent) {
    hash_up_to(extent.offset);
    for (auto rest = extent.bytes; !rest.empty();) {
      const auto part = rest.first(std::min(rest.size(), kPartBytes));
      hash_.update(part);
      file_.write_at(part, at_);
      at_ += part.size();
      rest = rest.subspan(part.size());
      if (at_ - flushed_ >= kFlushedAtOnce) flush();
    }
  }

  // The checksum of the bytes so far.
  std::uint64_t digest() const { return hash_.digest(); }
  std::uint64_t size() const { return file_.size(); }

  // Hashes what the library wrote.
  void hash_up_to(std::uint64_t end) {
    while (at_ < end) {
      described_.resize(std::min<std::uint64_t>(end - at_, kPartBytes));
      file_.read_exactly(described_, at_);
      hash_.update(described_);
      at_ += described_.size();
    }
  }

  void close() { file_.close(); }

 private:
  void flush() {
    file_.start_writing(flushed_, at_ - flushed_);
    flushed_ = at_;
  }

  File file_;
  StreamHash hash_;
  std::uint64_t at_ = 0, flushed_ = 0;
  std::vector<std::byte> described_;
};

// Whether the library described everything before the first value: only then do checked bytes at the
// beginning make the whole description trustworthy.
bool described_at_the_beginning(const std::vector<Extent>& extents, std::uint64_t size_bytes) {
  for (std::size_t i = 0; i < extents.size(); ++i) {
    const std::uint64_t next = i + 1 < extents.size() ? extents[i + 1].offset : size_bytes;
    if (next - extents[i].end() >= kPage) return false;
  }
  return !extents.empty();
}

FileRecord fill(const std::filesystem::path& path, const std::vector<Extent>& extents) {
  Filler filler(path);
  FileRecord record;
  record.size_bytes = filler.size();
  record.head_bytes =
      described_at_the_beginning(extents, record.size_bytes) ? extents.front().offset : record.size_bytes;
  if (record.head_bytes < record.size_bytes) filler.hash_up_to(record.head_bytes);
  record.head_xxh3 = hex(filler.digest());
  for (const Extent& extent : extents) filler.fill(extent);
  filler.hash_up_to(record.size_bytes);
  record.xxh3 = hex(filler.digest());
  if (record.head_bytes == record.size_bytes) record.head_xxh3 = record.xxh3;
  filler.close();
  return record;
}

}  // namespace

FileRecord write_pieces(const std::filesystem::path& path, const std::vector<Piece>& pieces) {
  const auto temporary = temporary_name(path);
  try {
    const std::vector<Extent> extents = lay_out(temporary, pieces);
    FileRecord record = fill(temporary, extents);
    commit_durably(temporary, path);
    record.name = path.filename().native();
    return record;
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    throw;
  }
}

}  // namespace dfm::ckpt
