// The places of the entries of a large ZIP archive, known before their content is: several writers can then
// fill it at once. Stored entries, content aligned to 64 bytes as torch.load wants it, ZIP64 records where
// sizes or offsets need them, no time stamps: the same entries give the same bytes.
//
//   ZipPlan plan;
//   const std::size_t i = plan.add("archive/data/0", size_bytes);
//   plan.content_offset(i);               // where its bytes go
//   plan.header(i, crc32);                // what goes to plan.header_offset(i) when the CRC is known
//   plan.directory(crcs);                 // what goes to plan.directory_offset()
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dfm::data {

class ZipPlan {
 public:
  // Returns the number of the entry.
  std::size_t add(std::string_view name, std::uint64_t size_bytes);

  std::size_t entries() const { return entries_.size(); }
  std::uint64_t header_offset(std::size_t i) const { return entries_.at(i).header_offset; }
  std::uint64_t content_offset(std::size_t i) const { return entries_.at(i).content_offset; }
  std::uint64_t size_bytes(std::size_t i) const { return entries_.at(i).size_bytes; }
  std::uint64_t directory_offset() const { return end_; }

  std::vector<std::byte> header(std::size_t i, std::uint32_t crc32) const;
  // All that follows the entries. crcs: one an entry.
  std::vector<std::byte> directory(std::span<const std::uint32_t> crcs) const;

 private:
  struct Entry {
    std::string name;
    std::uint64_t header_offset, content_offset, size_bytes;
  };

  std::vector<Entry> entries_;
  std::uint64_t end_ = 0;
};

}  // namespace dfm::data
