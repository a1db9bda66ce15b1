// The shapes of all samples of a data set, recorded by dfm_index, so that packing is a function of positions
// alone and opens no sample: .nv-meta/dfm_shapes.bin, a file of dfm's own (Energon tolerates extra files
// there).
//
// Layout, little-endian, version 1:
//   0   8 bytes  "DFMSHAPE"
//   8   u32      version = 1
//   12  u32      width of the rows of text, the same in all samples
//   16  u64      number of shards
//   24  u64      number of samples
//   32  u64      length of the table in bytes
//   40  u64      XXH3-64 of bytes 0 .. 39 and of the table
//   48           table: for each shard, in the order of .info.json:
//                  u64 samples, u64 end of the archive (the last entry of .tar.idx), u64 XXH3-64 of its rows,
//                  u32 length of its name, its name
//   48 + table   rows: for each sample five u32: C, T, H, W of the latent, rows of text; all 0 where they are
//   not known
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/file.h"
#include "data/energon/sample_shapes.h"

namespace dfm::data {

inline constexpr const char* kShapesFile = ".nv-meta/dfm_shapes.bin";

struct ShapesOfShard {
  std::string name;
  std::uint64_t samples = 0;
  std::uint64_t end_offset = 0;
  std::uint64_t rows_hash = 0;
};

std::uint64_t hash_of_rows(std::span<const SampleShape> rows);

// Writes the file in pieces: the table first, then the rows of each shard in turn. Without commit() nothing
// stays.
class ShapesWriter {
 public:
  ShapesWriter(const std::filesystem::path& root, std::uint32_t text_width,
               std::span<const ShapesOfShard> shards);

  void append(std::span<const SampleShape> rows) { file_.append(std::as_bytes(rows)); }
  void commit() { file_.commit(); }

 private:
  DurableFile file_;
};

class ShapesFile {
 public:
  static bool exists(const std::filesystem::path& root);
  // Reads and checks the table. Throws a data error for a file that is damaged or of another version.
  static ShapesFile open(const std::filesystem::path& root);
  // The header and the table as they lie in the file, which is then not looked at. Checked as well.
  ShapesFile(std::filesystem::path path, std::string front);

  // The header and the table.
  const std::string& front() const { return front_; }
  std::uint32_t text_width() const { return text_width_; }
  // Null when the shard is not in the file.
  const ShapesOfShard* find(std::string_view shard) const;
  // One a sample. Throws a data error when the rows are damaged or the shard is not in the file.
  std::vector<SampleShape> read_rows(std::string_view shard) const {
    return read_rows(shard, File::open_to_read(path_));
  }
  // The same from the opened file, or a copy of it.
  std::vector<SampleShape> read_rows(std::string_view shard, const File& from) const;
  const std::filesystem::path& path() const { return path_; }

 private:
  void read_table(std::uint64_t shard_count);

  std::filesystem::path path_;
  std::string front_;
  std::uint32_t text_width_ = 0;
  std::vector<ShapesOfShard> shards_;
  std::vector<std::uint64_t> row_offsets_;  // of each shard, then the end
  std::unordered_map<std::string, std::size_t> place_of_name_;
};

}  // namespace dfm::data
