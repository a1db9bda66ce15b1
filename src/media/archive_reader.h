// The entries of an archive, one after the other, through libarchive: tar (also compressed with gzip, bzip2,
// xz, zstd or lz4), zip and 7z. Nothing is ever written to disk, and no link is followed. libarchive's other
// formats are left out on purpose: some start foreign programs, or read files that the archive names.
//
//   ArchiveReader archive(path);
//   while (archive.next()) {
//     if (archive.is_file() && archive.name().ends_with(".png")) use(archive.read(limit_bytes));
//   }
//
// Damage is a data error that names archive and entry; so is an archive that unpacks to more than 1 GiB and
// 200 times its own size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

struct archive;
struct archive_entry;

namespace dfm::media {

class ArchiveReader {
 public:
  explicit ArchiveReader(const std::filesystem::path& path);

  // Goes on to the next entry; false at the end.
  bool next();

  // As it stands in the archive: trust it with nothing. Empty where its encoding cannot be read.
  const std::string& name() const { return name_; }
  // A regular file with content of its own: no link, folder or device.
  bool is_file() const;
  // What the archive says; 0 where it does not.
  std::uint64_t size_bytes() const;
  // The content, once. A data error above limit_bytes, or where it is damaged or encrypted; next() may follow
  // even so.
  std::vector<std::byte> read(std::uint64_t limit_bytes);

 private:
  struct Block;

  bool next_block(Block& block);
  void skip_content();
  void count_unpacked(std::uint64_t bytes);
  void check(int status) const;
  // "photos.tar at entry 'a.png'".
  std::string position() const;

  std::filesystem::path path_;
  std::unique_ptr<archive, int (*)(archive*)> archive_;
  archive_entry* entry_ = nullptr;  // the archive's
  std::string name_;
  bool content_is_left_ = false;
  std::uint64_t unpacked_bytes_ = 0;
  std::uint64_t most_unpacked_bytes_ = 0;
};

}  // namespace dfm::media
