#include "data/zip/directory.h"

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "data/zip/format.h"

namespace dfm::data::zip {
namespace {

constexpr std::uint64_t kMostCommentBytes = 0xFFFF;
constexpr std::uint64_t kUsualTailBytes = 4096;

Error several_volumes() {
  return data_error("the ZIP archive is one of several volumes", "join them to one file");
}

// The end record is the last one whose comment reaches to the end of the file.
std::optional<std::uint64_t> find_end_record(const ByteRange& file, std::uint64_t tail_bytes) {
  tail_bytes = std::min(tail_bytes, file.size());
  const std::uint64_t start = file.size() - tail_bytes;
  const std::vector<std::byte> bytes = file.part(start, tail_bytes).bytes();
  const ByteRange tail = ByteRange::of(bytes);
  for (std::uint64_t from_end = kEndBytes; from_end <= tail_bytes; ++from_end) {
    const std::uint64_t offset = tail_bytes - from_end;
    if (tail.number<std::uint32_t>(offset) != kEndSignature) continue;
    if (tail.number<std::uint16_t>(offset + 20) == from_end - kEndBytes) return start + offset;
  }
  return std::nullopt;
}

DirectoryPlace read_zip64_end(const ByteRange& file, std::uint64_t locator) {
  if (file.number<std::uint32_t>(locator + 4) != 0 || file.number<std::uint32_t>(locator + 16) != 1) {
    throw several_volumes();
  }
  const ByteRange end = file.part(file.number<std::uint64_t>(locator + 8), kZip64EndBytes);
  if (end.number<std::uint32_t>(0) != kZip64EndSignature)
    throw data_error("the ZIP64 end record is not where it should be");
  if (end.number<std::uint32_t>(16) != 0 || end.number<std::uint32_t>(20) != 0) throw several_volumes();
  return {end.number<std::uint64_t>(48), end.number<std::uint64_t>(40), end.number<std::uint64_t>(32)};
}

}  // namespace

DirectoryPlace find_directory(const ByteRange& file) {
  std::optional<std::uint64_t> end = find_end_record(file, kUsualTailBytes);
  if (!end) end = find_end_record(file, kEndBytes + kMostCommentBytes);
  if (!end)
    throw data_error("the end of the ZIP archive is missing", "the file is cut short: copy or make it again");
  if (*end >= kZip64LocatorBytes) {
    const std::uint64_t locator = *end - kZip64LocatorBytes;
    if (file.number<std::uint32_t>(locator) == kZip64LocatorSignature) return read_zip64_end(file, locator);
  }
  if (file.number<std::uint16_t>(*end + 4) != 0 || file.number<std::uint16_t>(*end + 6) != 0)
    throw several_volumes();
  return {file.number<std::uint32_t>(*end + 16), file.number<std::uint32_t>(*end + 12),
          file.number<std::uint16_t>(*end + 10)};
}

}  // namespace dfm::data::zip
