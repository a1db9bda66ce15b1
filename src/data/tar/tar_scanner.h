// Walks the members of a tar archive by their headers, without reading payloads.
//
//   const File file = File::open_to_read(path);
//   TarScanner scanner{TarSource(file)};
//   while (const auto member = scanner.next()) use(member->name, member->content_offset);
//   scanner.stop();          // why the walk ended, and whether something lies behind the end
//
// Offsets, names and the end are those that Python's tarfile module gives, through which the real Energon
// reads its shards (spec/energon.md section 1.3): V7, ustar, GNU (long names, base-256 numbers, sparse files)
// and PAX (per-file and global headers, sparse files of the formats 0.0, 0.1 and 1.0). Stricter than tarfile
// in one thing: a damaged extended header (a PAX record whose length is a lie, a broken sparse map) is an
// error here, where tarfile guesses or ends the archive silently.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/tar/pax_records.h"
#include "data/tar/tar_header.h"
#include "data/tar/tar_source.h"

namespace dfm::data {

struct TarMember {
  std::string name;
  bool is_regular = false;  // a file with content; all others (folders, links, devices) are not
  std::uint64_t member_offset =
      0;  // first header block, long-name and per-file PAX headers included, global ones not
  std::uint64_t content_offset = 0;  // first byte of the payload
  std::uint64_t content_size = 0;    // of the file, holes of a sparse one included
  std::uint64_t next_offset = 0;     // where the next header is
  bool is_sparse = false;
  std::vector<SparsePiece> pieces;  // of a sparse file: what is stored, one behind the other
};

enum class TarStop {
  none,         // not there yet
  end_mark,     // a block of zeros
  end_of_file,  // the file ends between two members, without the mark
  cut_header,   // the file ends inside a header
  bad_header,   // a damaged header; what follows is lost
};

class TarScanner {
 public:
  explicit TarScanner(TarSource source, std::uint64_t first_offset = 0)
      : source_(std::move(source)), offset_(first_offset), first_offset_(first_offset) {}

  // The next member of any kind. Throws a data error where the archive is damaged in a way that makes the
  // reference give it up: it does not begin with a header, a payload reaches past the end, or an extended
  // header is not followed by a member.
  std::optional<TarMember> next();

  // Where the next header is; after the walk, the end of the archive without its end mark.
  std::uint64_t offset() const { return offset_; }
  TarStop stop() const { return stop_; }
  // After an end mark: whether anything but zeros lies in the 64 KiB behind it (archives put one behind the
  // other).
  bool has_data_after_end();

 private:
  // A header that describes the next one: GNU long name or link, PAX.
  struct Extension {
    char type = 'x';
    std::uint64_t offset = 0;
    std::string long_name;
    PaxRecords records;
  };

  std::optional<TarMember> end_walk(TarBlockKind kind, std::uint64_t position, bool inside_member);
  Extension read_extension(const TarHeader& header, std::uint64_t position);
  TarMember finish(TarHeader header, std::uint64_t position, const std::vector<Extension>& extensions);
  TarMember make_plain_member(TarHeader& header, std::uint64_t position);
  TarMember make_old_sparse_member(TarHeader& header, std::uint64_t position);
  void apply_extension(const Extension& extension, char type, TarMember& member);
  void read_sparse_map(TarMember& member);

  TarSource source_;
  std::uint64_t offset_;
  std::uint64_t first_offset_;
  TarStop stop_ = TarStop::none;
  PaxRecords global_records_;
};

}  // namespace dfm::data
