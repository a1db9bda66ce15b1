#include "data/tar/tar_content.h"

#include <algorithm>

#include <fmt/core.h>

#include "core/error.h"
#include "core/text.h"

namespace dfm::data {
namespace {

constexpr std::uint64_t kLargestSparseBytes = 1U << 30U;
constexpr std::uint64_t kMostHoles = 16;

Error refusal(const TarMember& member, std::string_view what) {
  return data_error(fmt::format("{}: {}", printable(member.name), what),
                    "the archive is damaged, or not the one that was indexed");
}

using Bytes = std::span<const std::byte>;

// What is stored of the member, from its first byte to the next header.
Bytes stored_bytes(const TarMember& member, Bytes archive, std::uint64_t first_offset) {
  const std::uint64_t end = std::min<std::uint64_t>(member.next_offset, first_offset + archive.size());
  if (member.content_offset < first_offset || member.content_offset > end)
    throw refusal(member, "lies outside the archive");
  return archive.subspan(member.content_offset - first_offset, end - member.content_offset);
}

std::vector<std::byte> fill_sparse(const TarMember& member, Bytes stored) {
  const bool is_bomb =
      member.content_size > kLargestSparseBytes && member.content_size / kMostHoles > stored.size();
  if (is_bomb)
    throw refusal(member, fmt::format("a sparse file of {} bytes is too large", member.content_size));
  std::vector<std::byte> content(member.content_size);
  for (const SparsePiece& piece : member.pieces) {
    if (piece.size_bytes > stored.size() || piece.offset > content.size() ||
        piece.size_bytes > content.size() - piece.offset) {
      throw refusal(member, "its sparse map does not fit its size");
    }
    std::ranges::copy(stored.first(piece.size_bytes),
                      content.begin() + static_cast<std::ptrdiff_t>(piece.offset));
    stored = stored.subspan(piece.size_bytes);
  }
  return content;
}

}  // namespace

std::vector<std::byte> content_of(const TarMember& member, Bytes archive, std::uint64_t first_offset) {
  const Bytes stored = stored_bytes(member, archive, first_offset);
  if (member.is_sparse) return fill_sparse(member, stored);
  if (member.content_size > stored.size()) throw refusal(member, "is longer than what is stored of it");
  const Bytes content = stored.first(member.content_size);
  return {content.begin(), content.end()};
}

}  // namespace dfm::data
