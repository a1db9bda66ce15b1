#include "data/zip/writer.h"

#include <fmt/core.h>

#include "core/error.h"
#include "core/units.h"
#include "data/tensor/byte_append.h"
#include "data/zip/crc.h"
#include "data/zip/format.h"

namespace dfm::data {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kMostBytes = 0xFFFFFFFE;
constexpr std::uint16_t kVersion = 20;           // of the format: 2.0
constexpr std::uint16_t kUtf8Names = 1U << 11U;  // a general flag
constexpr std::uint16_t kFirstOfJanuary1980 = 1U << 5U | 1U;
constexpr std::uint16_t kPaddingId = 0x4246;  // "FB": the extra field that torch pads with
constexpr std::size_t kPaddingHeaderBytes = 4;

// Flags, method (stored), time and date, CRC, two sizes, length of the name: common to both kinds of header.
void append_common(std::vector<std::byte>& bytes, std::string_view name, std::uint32_t crc,
                   std::uint32_t size_bytes) {
  append_number(bytes, kVersion);
  append_number(bytes, kUtf8Names);
  append_number(bytes, std::uint16_t{0});
  append_number(bytes, std::uint16_t{0});
  append_number(bytes, kFirstOfJanuary1980);
  append_number(bytes, crc);
  append_number(bytes, size_bytes);
  append_number(bytes, size_bytes);
  append_number(bytes, static_cast<std::uint16_t>(name.size()));
}

}  // namespace

void ZipWriter::add(std::string_view name, std::span<const std::byte> content) {
  const std::size_t unpadded = bytes_.size() + zip::kLocalBytes + name.size() + kPaddingHeaderBytes;
  const std::size_t padding_bytes = (kAlignment - unpadded % kAlignment) % kAlignment;
  if (content.size() > kMostBytes || unpadded + padding_bytes > kMostBytes - content.size()) {
    throw data_error(
        fmt::format("{} of '{}' are too large for this archive", format_bytes(content.size()), name),
        "only less than 4 GiB is written");
  }
  Entry entry{std::string(name), static_cast<std::uint32_t>(bytes_.size()),
              static_cast<std::uint32_t>(content.size()), crc32_of(content)};
  append_number(bytes_, zip::kLocalSignature);
  append_common(bytes_, name, entry.crc32, entry.size_bytes);
  append_number(bytes_, static_cast<std::uint16_t>(kPaddingHeaderBytes + padding_bytes));
  append(bytes_, name);
  append_number(bytes_, kPaddingId);
  append_number(bytes_, static_cast<std::uint16_t>(padding_bytes));
  bytes_.resize(bytes_.size() + padding_bytes);
  append(bytes_, content);
  entries_.push_back(std::move(entry));
}

std::vector<std::byte> ZipWriter::finish() && {
  const std::size_t directory_offset = bytes_.size();
  for (const Entry& entry : entries_) append_directory_record(entry);
  const std::size_t directory_bytes = bytes_.size() - directory_offset;
  if (bytes_.size() > kMostBytes)
    throw data_error("the archive is too large", "only less than 4 GiB is written");
  append_number(bytes_, zip::kEndSignature);
  append_number(bytes_, std::uint32_t{0});  // this volume, and that of the directory
  append_number(bytes_, static_cast<std::uint16_t>(entries_.size()));
  append_number(bytes_, static_cast<std::uint16_t>(entries_.size()));
  append_number(bytes_, static_cast<std::uint32_t>(directory_bytes));
  append_number(bytes_, static_cast<std::uint32_t>(directory_offset));
  append_number(bytes_, std::uint16_t{0});  // length of the comment
  return std::move(bytes_);
}

void ZipWriter::append_directory_record(const Entry& entry) {
  append_number(bytes_, zip::kDirectorySignature);
  append_number(bytes_, kVersion);
  append_common(bytes_, entry.name, entry.crc32, entry.size_bytes);
  append_number(bytes_, std::uint64_t{0});  // lengths of extra field and comment, volume, internal attributes
  append_number(bytes_, std::uint32_t{0});  // external attributes
  append_number(bytes_, entry.header_offset);
  append(bytes_, entry.name);
}

}  // namespace dfm::data
