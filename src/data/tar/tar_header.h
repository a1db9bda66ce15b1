// One header block of a tar archive: V7, ustar, GNU or PAX.
//
//   const TarBlock block = parse_tar_block(bytes);
//   if (block.kind == TarBlockKind::header) use(block.header.name);
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dfm::data {

inline constexpr std::uint64_t kTarBlockBytes = 512;

enum class TarBlockKind {
  header,
  zeros,      // the mark at the end of an archive
  nothing,    // no byte: the source ends here
  cut_short,  // fewer than 512 bytes
  damaged,    // wrong checksum, or a field that holds no number
};

// A stretch of a sparse file that is stored: where it belongs in the file, and its length.
struct SparsePiece {
  std::uint64_t offset = 0;
  std::uint64_t size_bytes = 0;

  bool operator==(const SparsePiece&) const = default;
};

struct TarHeader {
  std::string name;  // ustar's prefix already joined
  char type = '0';   // '5' for a V7 directory, which is a file whose name ends in a slash
  std::int64_t size_bytes = 0;

  // Of an old GNU sparse header (type 'S') only.
  std::vector<SparsePiece> pieces;
  bool has_more_pieces = false;
  std::int64_t real_size_bytes = 0;
};

struct TarBlock {
  TarBlockKind kind = TarBlockKind::nothing;
  TarHeader header;
};

// At most 512 bytes. Never throws for what the bytes hold.
TarBlock parse_tar_block(std::span<const std::byte> bytes);

// Up to `most` pairs of numbers of 12 bytes each. False when one of them is no number.
bool parse_sparse_pieces(std::span<const std::byte> bytes, int most, std::vector<SparsePiece>& pieces);

bool is_regular_file(char type);
// Whether payload blocks follow the header: regular files, and types that are not known.
bool has_payload(char type);

// The text up to the first NUL.
std::string_view text_of_field(std::span<const std::byte> field);

// Rounded up to whole blocks. The size must not be negative.
std::uint64_t padded_size(std::int64_t size_bytes);

}  // namespace dfm::data
