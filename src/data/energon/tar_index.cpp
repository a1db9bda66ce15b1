#include "data/energon/tar_index.h"

#include <bit>
#include <system_error>

#include <fmt/core.h>

#include "core/error.h"
#include "core/file.h"
#include "data/energon/file_mode.h"

namespace dfm::data {
namespace {

namespace fs = std::filesystem;

static_assert(std::endian::native == std::endian::little, "index files are little-endian");
constexpr std::uint64_t kEntryBytes = sizeof(std::uint64_t);

Error refusal(const fs::path& index, std::string_view what) {
  return data_error(fmt::format("{} {}", index.native(), what), "make the index again: dfm_index FOLDER");
}

File open_index(const fs::path& index) {
  std::error_code ignored;
  if (!fs::exists(index, ignored)) throw refusal(index, "is missing");
  return File::open_to_read(index);
}

std::uint64_t entry_count(const fs::path& index, const File& file) {
  const std::uint64_t size = file.size();
  if (size == 0 || size % kEntryBytes != 0) {
    throw refusal(index, fmt::format("is {} bytes long: not a whole number of 8-byte offsets", size));
  }
  return size / kEntryBytes;
}

// Readers take the first sample from byte 0, so that its entry may be anything up to the second.
void check_offsets(const fs::path& index, std::span<const std::uint64_t> offsets,
                   std::uint64_t shard_size_bytes) {
  for (std::size_t i = 1; i < offsets.size(); ++i) {
    const bool rises = i == 1 ? offsets[i] >= offsets[i - 1] : offsets[i] > offsets[i - 1];
    if (!rises) throw refusal(index, fmt::format("is damaged: entry {} does not follow entry {}", i, i - 1));
  }
  if (offsets.back() > shard_size_bytes) {
    throw refusal(index,
                  fmt::format("ends at byte {} of a shard of {} bytes", offsets.back(), shard_size_bytes));
  }
}

}  // namespace

fs::path tar_index_path(const fs::path& shard) { return fs::path(shard).replace_extension(".tar.idx"); }

void write_tar_index(const fs::path& shard, std::span<const std::uint64_t> offsets) {
  const fs::path index = tar_index_path(shard);
  DurableFile file(index);
  file.append(std::as_bytes(offsets));
  copy_mode(shard, temporary_name(index));
  file.commit();
}

std::vector<std::uint64_t> read_tar_index(const fs::path& shard, std::uint64_t shard_size_bytes) {
  const fs::path index = tar_index_path(shard);
  const File file = open_index(index);
  std::vector<std::uint64_t> offsets(entry_count(index, file));
  file.read_exactly(std::as_writable_bytes(std::span(offsets)), 0);
  check_offsets(index, offsets, shard_size_bytes);
  return offsets;
}

TarIndexSummary read_tar_index_summary(const fs::path& shard) {
  const fs::path index = tar_index_path(shard);
  const File file = open_index(index);
  TarIndexSummary summary{entry_count(index, file) - 1, 0};
  file.read_exactly(std::as_writable_bytes(std::span(&summary.end_offset, 1)),
                    summary.sample_count * kEntryBytes);
  return summary;
}

}  // namespace dfm::data
