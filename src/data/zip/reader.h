// A reader of ZIP archives whose entries are stored, not compressed, as torch.save writes them (with ZIP64
// records and payloads aligned by padding). It reads the directory when it is made, and hands out entries as
// byte ranges.
//
//   const ZipReader archive(file);
//   const ZipEntry entry = archive.entry("archive/data.pkl");
//   check_crc(entry.content, entry.crc32);
//
// Data errors: no archive, an archive in several volumes, compressed or encrypted entries, two entries with
// one name, entries that overlap or leave the file. Names are looked up, never used as paths.
//
// Format: PKWARE APPNOTE.TXT 6.3, sections 4.3 and 4.5.3.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "data/tensor/byte_range.h"

namespace dfm::data {

struct ZipEntry {
  ByteRange content;
  std::uint32_t crc32 = 0;  // 0: torch was told not to compute it
};

class ZipReader {
 public:
  explicit ZipReader(ByteRange file);

  // True when the bytes begin like an archive.
  static bool recognizes(const ByteRange& file);

  bool contains(std::string_view name) const { return records_.contains(name); }
  // Throws a data error when there is none of that name.
  ZipEntry entry(std::string_view name) const;
  // The one name that is `suffix` or ends in '/' and `suffix`; throws a data error when none does, or several
  // do.
  std::string name_ending_in(std::string_view suffix) const;

 private:
  // What the central directory says of an entry. The space up to `limit` belongs to it alone.
  struct Record {
    std::uint64_t header_offset = 0;
    std::uint64_t size_bytes = 0;
    std::uint64_t limit = 0;
    std::uint32_t crc32 = 0;
  };
  using Records = std::map<std::string, Record, std::less<>>;

  // Returns the offset of the following record.
  std::uint64_t read_record(const ByteRange& directory, std::uint64_t offset);
  static Record parse_record(const ByteRange& fixed, const ByteRange& extra);
  void set_limits(std::uint64_t directory_offset);

  ByteRange file_;
  Records records_;
};

}  // namespace dfm::data
