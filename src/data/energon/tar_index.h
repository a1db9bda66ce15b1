// NAME.tar.idx beside each shard: the byte offsets of its samples, then the end of the archive, as
// little-endian 64-bit numbers and nothing else (spec/energon.md section 1.4).
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace dfm::data {

// a.tar -> a.tar.idx, and a.tgz -> a.tar.idx, too.
std::filesystem::path tar_index_path(const std::filesystem::path& shard);

// offsets: one a sample, then the end of the archive. Durable; readable by whoever may read the shard.
void write_tar_index(const std::filesystem::path& shard, std::span<const std::uint64_t> offsets);

// The offsets, of which there are sample count + 1. Throws a data error when the file is missing or is not an
// index of an archive of that size: a length that is no multiple of 8, offsets that do not rise, an end
// behind the archive's.
std::vector<std::uint64_t> read_tar_index(const std::filesystem::path& shard, std::uint64_t shard_size_bytes);

// Sample count and end of the archive alone, from the index's length and last entry.
struct TarIndexSummary {
  std::uint64_t sample_count = 0;
  std::uint64_t end_offset = 0;
};
TarIndexSummary read_tar_index_summary(const std::filesystem::path& shard);

}  // namespace dfm::data
