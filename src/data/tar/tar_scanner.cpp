#include "data/tar/tar_scanner.h"

#include <algorithm>
#include <ranges>
#include <string_view>

#include <fmt/core.h>

#include "core/error.h"
#include "core/text.h"
#include "data/tar/tar_number.h"

namespace dfm::data {
namespace {

constexpr std::size_t kMostExtensions = 64;
constexpr std::int64_t kLongestExtensionBytes = 16 << 20;
constexpr std::size_t kMostSparsePieces = 1U << 20U;
constexpr std::size_t kPiecesInSparseBlock = 21;
constexpr std::size_t kSparseBlockGoesOn = 504;
constexpr std::size_t kLongestNumber = 40;

bool is_extension(char type) { return std::string_view("LKxXg").find(type) != std::string_view::npos; }

Error damaged(std::uint64_t offset, std::string_view what) {
  return data_error(fmt::format("byte {}: {}", offset, what),
                    "the archive is damaged: copy or make it again");
}

std::uint64_t checked_size(std::int64_t size_bytes, std::uint64_t position) {
  if (size_bytes < 0) throw damaged(position - kTarBlockBytes, "a header claims a negative size");
  return padded_size(size_bytes);
}

// Overrides of a PAX header, in the order in which tarfile applies them.
void apply_records(const PaxRecords& records, TarMember& member) {
  for (const auto& [keyword, value] : records) {
    if (keyword == "GNU.sparse.name" || keyword == "path") {
      member.name = value;
      while (keyword == "path" && member.name.ends_with('/')) member.name.pop_back();
    } else if (keyword == "GNU.sparse.size" || keyword == "GNU.sparse.realsize") {
      member.content_size = pax_number(keyword, value);
    } else if (keyword == "size") {
      member.content_size = parse_decimal(value) ? pax_number(keyword, value) : 0;
    }
  }
}

bool is_sparse_version_1(const PaxRecords& records) {
  const std::string* const major = records.find("GNU.sparse.major");
  const std::string* const minor = records.find("GNU.sparse.minor");
  return major != nullptr && minor != nullptr && *major == "1" && *minor == "0";
}

}  // namespace

std::optional<TarMember> TarScanner::next() {
  if (stop_ != TarStop::none) return std::nullopt;
  std::uint64_t position = offset_;
  std::vector<Extension> extensions;
  for (;;) {
    TarBlock block = parse_tar_block(source_.view(position, kTarBlockBytes));
    if (block.kind != TarBlockKind::header) return end_walk(block.kind, position, !extensions.empty());
    position += kTarBlockBytes;
    if (!is_extension(block.header.type)) return finish(std::move(block.header), position, extensions);
    if (extensions.size() == kMostExtensions)
      throw damaged(position, "too many extended headers for one member");
    extensions.push_back(read_extension(block.header, position));
    position += padded_size(block.header.size_bytes);
  }
}

std::optional<TarMember> TarScanner::end_walk(TarBlockKind kind, std::uint64_t position, bool inside_member) {
  if (inside_member) throw damaged(position, "an extended header is not followed by a member");
  const bool is_beginning = offset_ == first_offset_;
  switch (kind) {
    case TarBlockKind::zeros:
      stop_ = TarStop::end_mark;
      break;
    case TarBlockKind::nothing:
      stop_ = TarStop::end_of_file;
      break;
    case TarBlockKind::cut_short:
      stop_ = TarStop::cut_header;
      break;
    default:
      stop_ = TarStop::bad_header;
      break;
  }
  if (is_beginning && stop_ != TarStop::end_mark) {
    throw data_error(stop_ == TarStop::end_of_file ? "the file is empty"
                                                   : "it does not begin with a tar header");
  }
  return std::nullopt;
}

bool TarScanner::has_data_after_end() {
  static constexpr std::size_t kLookAtBytes = 64U << 10U;
  if (stop_ != TarStop::end_mark) return false;
  return std::ranges::any_of(source_.view(offset_, kLookAtBytes),
                             [](std::byte b) { return b != std::byte{0}; });
}

TarScanner::Extension TarScanner::read_extension(const TarHeader& header, std::uint64_t position) {
  const std::uint64_t size = checked_size(header.size_bytes, position);
  if (header.size_bytes > kLongestExtensionBytes)
    throw damaged(position, "an extended header is longer than 16 MiB");
  const auto bytes = source_.view(position, size);
  if (bytes.size() < size) throw damaged(position, "the file ends inside an extended header");
  Extension extension{header.type, position - kTarBlockBytes, {}, {}};
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (header.type == 'L') {
    extension.long_name = text_of_field(bytes);
  } else if (header.type == 'g') {
    global_records_.read(text);
    extension.records = global_records_;
  } else if (header.type != 'K') {
    extension.records = global_records_;
    extension.records.read(text);
  }
  return extension;
}

TarMember TarScanner::finish(TarHeader header, std::uint64_t position,
                             const std::vector<Extension>& extensions) {
  const char type = header.type;
  TarMember member =
      type == 'S' ? make_old_sparse_member(header, position) : make_plain_member(header, position);
  member.is_regular = is_regular_file(type);
  for (auto extension = extensions.rbegin(); extension != extensions.rend(); ++extension)
    apply_extension(*extension, type, member);
  const auto first = std::ranges::find_if(extensions, [](const Extension& e) { return e.type != 'g'; });
  member.member_offset = first == extensions.end() ? position - kTarBlockBytes : first->offset;
  if (member.next_offset > source_.end()) {
    throw damaged(member.member_offset,
                  fmt::format("{} should end at byte {}, but there are only {}", printable(member.name),
                              member.next_offset, source_.end()));
  }
  offset_ = member.next_offset;
  return member;
}

TarMember TarScanner::make_plain_member(TarHeader& header, std::uint64_t position) {
  TarMember member;
  member.name = std::move(header.name);
  member.content_offset = position;
  member.content_size = header.size_bytes < 0 ? 0 : static_cast<std::uint64_t>(header.size_bytes);
  member.next_offset = position;
  if (has_payload(header.type)) member.next_offset += checked_size(header.size_bytes, position);
  apply_records(global_records_, member);
  return member;
}

TarMember TarScanner::make_old_sparse_member(TarHeader& header, std::uint64_t position) {
  const std::uint64_t stored = checked_size(header.size_bytes, position);
  checked_size(header.real_size_bytes, position);
  TarMember member;
  member.name = std::move(header.name);
  member.pieces = std::move(header.pieces);
  member.is_sparse = true;
  for (bool goes_on = header.has_more_pieces; goes_on; position += kTarBlockBytes) {
    const auto block = source_.view(position, kTarBlockBytes);
    if (block.size() < kTarBlockBytes || !parse_sparse_pieces(block, kPiecesInSparseBlock, member.pieces) ||
        member.pieces.size() > kMostSparsePieces) {
      throw damaged(position, "the map of a sparse file is damaged");
    }
    goes_on = block[kSparseBlockGoesOn] != std::byte{0};
  }
  member.content_offset = position;
  member.content_size = static_cast<std::uint64_t>(header.real_size_bytes);
  member.next_offset = position + stored;
  return member;
}

void TarScanner::apply_extension(const Extension& extension, char type, TarMember& member) {
  if (extension.type == 'L') member.name = extension.long_name;
  if (extension.type == 'L' || extension.type == 'K') return;
  const PaxRecords& records = extension.records;
  if (records.contains("GNU.sparse.map") || records.contains("GNU.sparse.size")) {
    member.pieces = records.sparse_pieces();
    member.is_sparse = true;
  } else if (is_sparse_version_1(records)) {
    read_sparse_map(member);
  }
  if (extension.type == 'g') return;
  apply_records(records, member);
  if (!records.contains("size")) return;
  member.next_offset = member.content_offset;
  if (has_payload(type)) member.next_offset += padded_size(static_cast<std::int64_t>(member.content_size));
}

// Format 1.0: decimal numbers, one a line, in whole blocks before the content: how many pieces, then offset
// and size of each.
void TarScanner::read_sparse_map(TarMember& member) {
  std::vector<std::uint64_t> numbers;
  std::string line;
  std::uint64_t position = member.content_offset;
  for (std::size_t wanted = 1; numbers.size() < wanted; position += kTarBlockBytes) {
    const auto block = source_.view(position, kTarBlockBytes);
    for (std::size_t i = 0; i < block.size() && numbers.size() < wanted; ++i) {
      const char c = static_cast<char>(block[i]);
      if (c != '\n') {
        if (line.size() == kLongestNumber) throw damaged(position, "the map of a sparse file is damaged");
        line.push_back(c);
        continue;
      }
      numbers.push_back(pax_number("sparse map", line));
      line.clear();
      if (numbers.front() > kMostSparsePieces)
        throw damaged(position, "the map of a sparse file is too long");
      wanted = 1 + 2 * numbers.front();
    }
    if (block.size() < kTarBlockBytes)
      throw damaged(position, "the file ends inside the map of a sparse file");
  }
  member.content_offset = position;
  member.is_sparse = true;
  member.pieces.clear();
  for (std::size_t i = 1; i + 1 < numbers.size(); i += 2)
    member.pieces.push_back({numbers[i], numbers[i + 1]});
}

}  // namespace dfm::data
