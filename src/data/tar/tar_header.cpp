#include "data/tar/tar_header.h"

#include <algorithm>

#include "data/tar/tar_number.h"

namespace dfm::data {
namespace {

// Offsets and lengths of the fields (POSIX.1-2008 pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar
// Format").
struct Field {
  std::size_t offset, length;
};
constexpr Field kName{0, 100}, kSize{124, 12}, kChecksum{148, 8}, kPrefix{345, 155};
constexpr Field kSparsePieces{386, 96}, kSparseRealSize{483, 12};
constexpr std::size_t kTypeOffset = 156, kSparseIsExtendedOffset = 482;
constexpr int kSparsePiecesInHeader = 4;
constexpr std::size_t kSparsePieceBytes = 24;
// Numbers that nothing here uses but that must be numbers: mode, uid, gid, mtime, device major and minor.
constexpr Field kOtherNumbers[] = {{100, 8}, {108, 8}, {116, 8}, {136, 12}, {329, 8}, {337, 8}};

using Bytes = std::span<const std::byte>;

Bytes field_of(Bytes block, Field field) { return block.subspan(field.offset, field.length); }

// Of a whole block whose checksum field counts as eight blanks.
template <class Char>
std::int32_t sum_of(Bytes block) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < kTarBlockBytes; ++i) sum += static_cast<Char>(block[i]);
  for (const std::byte value : field_of(block, kChecksum)) sum += ' ' - static_cast<Char>(value);
  return sum;
}

bool checksum_fits(Bytes block) {
  const auto stored = parse_tar_number(field_of(block, kChecksum));
  if (!stored) return false;
  if (*stored == sum_of<unsigned char>(block)) return true;
  return *stored == sum_of<signed char>(block);  // as Sun and NeXT summed
}

bool read_numbers(Bytes block, TarHeader& header) {
  const auto size = parse_tar_number(field_of(block, kSize));
  if (!size) return false;
  header.size_bytes = *size;
  return std::ranges::all_of(
      kOtherNumbers, [&](Field field) { return parse_tar_number(field_of(block, field)).has_value(); });
}

bool read_old_sparse(Bytes block, TarHeader& header) {
  const auto real_size = parse_tar_number(field_of(block, kSparseRealSize));
  if (!real_size) return false;
  header.real_size_bytes = *real_size;
  header.has_more_pieces = block[kSparseIsExtendedOffset] != std::byte{0};
  return parse_sparse_pieces(field_of(block, kSparsePieces), kSparsePiecesInHeader, header.pieces);
}

void read_name(Bytes block, TarHeader& header) {
  header.name = text_of_field(field_of(block, kName));
  header.type = static_cast<char>(block[kTypeOffset]);
  if (header.type == '\0' && header.name.ends_with('/')) header.type = '5';
  // Old GNU headers keep other things where ustar has the prefix.
  const bool is_gnu = header.type == 'L' || header.type == 'K' || header.type == 'S';
  const std::string_view prefix = text_of_field(field_of(block, kPrefix));
  if (!is_gnu && !prefix.empty()) header.name = std::string(prefix) + "/" + header.name;
}

}  // namespace

std::string_view text_of_field(Bytes field) {
  const std::string_view text(reinterpret_cast<const char*>(field.data()), field.size());
  return text.substr(0, text.find('\0'));
}

bool parse_sparse_pieces(Bytes bytes, int most, std::vector<SparsePiece>& pieces) {
  for (int i = 0; i < most; ++i) {
    const auto piece = bytes.subspan(static_cast<std::size_t>(i) * kSparsePieceBytes, kSparsePieceBytes);
    const auto offset = parse_tar_number(piece.first(12));
    const auto size = parse_tar_number(piece.last(12));
    if (!offset || !size || *offset < 0 || *size < 0) return false;
    pieces.push_back({static_cast<std::uint64_t>(*offset), static_cast<std::uint64_t>(*size)});
  }
  return true;
}

TarBlock parse_tar_block(Bytes bytes) {
  if (bytes.empty()) return {TarBlockKind::nothing, {}};
  if (bytes.size() < kTarBlockBytes) return {TarBlockKind::cut_short, {}};
  if (bytes[0] == std::byte{0} && std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; })) {
    return {TarBlockKind::zeros, {}};
  }
  TarBlock block{TarBlockKind::header, {}};
  if (!checksum_fits(bytes) || !read_numbers(bytes, block.header)) return {TarBlockKind::damaged, {}};
  read_name(bytes, block.header);
  if (block.header.type == 'S' && !read_old_sparse(bytes, block.header)) return {TarBlockKind::damaged, {}};
  return block;
}

bool is_regular_file(char type) { return type == '0' || type == '\0' || type == '7' || type == 'S'; }

bool has_payload(char type) {
  static constexpr std::string_view kWithoutPayload = "123456";  // links, devices, folders, FIFOs
  return kWithoutPayload.find(type) == std::string_view::npos;
}

std::uint64_t padded_size(std::int64_t size_bytes) {
  const auto size = static_cast<std::uint64_t>(size_bytes);
  return size + (kTarBlockBytes - size % kTarBlockBytes) % kTarBlockBytes;
}

}  // namespace dfm::data
