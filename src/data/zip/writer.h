// Writes a ZIP archive of stored entries in memory, as torch.load wants it: the content of each entry begins
// at a multiple of 64 bytes. There are no time stamps, so that the same entries give the same bytes.
//
//   ZipWriter archive;
//   archive.add("archive/version", as_bytes("3\n"));
//   write(std::move(archive).finish());
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dfm::data {

class ZipWriter {
 public:
  // Throws a data error when the archive would reach 4 GiB.
  void add(std::string_view name, std::span<const std::byte> content);
  std::vector<std::byte> finish() &&;

 private:
  struct Entry {
    std::string name;
    std::uint32_t header_offset = 0;
    std::uint32_t size_bytes = 0;
    std::uint32_t crc32 = 0;
  };

  void append_directory_record(const Entry& entry);

  std::vector<std::byte> bytes_;
  std::vector<Entry> entries_;
};

}  // namespace dfm::data
