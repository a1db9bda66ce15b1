#include "data/zip/plan.h"

#include <limits>

#include "core/error.h"
#include "data/tensor/byte_append.h"
#include "data/zip/format.h"

namespace dfm::data {
namespace {

constexpr std::uint64_t kAlignment = 64;
constexpr std::uint16_t kVersion = 20, kZip64Version = 45;  // of the format: 2.0 and 4.5
constexpr std::uint16_t kUtf8Names = 1U << 11U;             // a general flag
constexpr std::uint16_t kFirstOfJanuary1980 = 1U << 5U | 1U;
constexpr std::uint16_t kPaddingId = 0x4246;  // "FB": the extra field that torch pads with
constexpr std::uint64_t kExtraHeaderBytes = 4;
constexpr std::uint64_t kLocalZip64Bytes = kExtraHeaderBytes + 16;
constexpr std::uint64_t kMostEntries = 0xFFFF;

bool is_wide(std::uint64_t value) { return value >= zip::kInZip64; }

std::uint32_t narrow(std::uint64_t value) {
  return is_wide(value) ? zip::kInZip64 : static_cast<std::uint32_t>(value);
}

// Version, flags, method (stored), time and date, CRC, two sizes, length of the name: common to both headers.
void append_common(std::vector<std::byte>& bytes, std::string_view name, std::uint64_t size_bytes,
                   std::uint32_t crc, bool is_zip64) {
  append_number(bytes, is_zip64 ? kZip64Version : kVersion);
  append_number(bytes, kUtf8Names);
  append_number(bytes, std::uint16_t{0});
  append_number(bytes, std::uint16_t{0});
  append_number(bytes, kFirstOfJanuary1980);
  append_number(bytes, crc);
  append_number(bytes, narrow(size_bytes));
  append_number(bytes, narrow(size_bytes));
  append_number(bytes, static_cast<std::uint16_t>(name.size()));
}

// The values that do not fit in 32 bits, in the order of the format.
void append_zip64(std::vector<std::byte>& bytes, const std::vector<std::uint64_t>& values) {
  if (values.empty()) return;
  append_number(bytes, zip::kZip64ExtraId);
  append_number(bytes, static_cast<std::uint16_t>(values.size() * sizeof(std::uint64_t)));
  for (const std::uint64_t value : values) append_number(bytes, value);
}

}  // namespace

std::size_t ZipPlan::add(std::string_view name, std::uint64_t size_bytes) {
  ensure(name.size() <= std::numeric_limits<std::uint16_t>::max(), "the name of a ZIP entry is too long");
  const std::uint64_t unpadded = end_ + zip::kLocalBytes + name.size() +
                                 (is_wide(size_bytes) ? kLocalZip64Bytes : 0) + kExtraHeaderBytes;
  const std::uint64_t content = (unpadded + kAlignment - 1) / kAlignment * kAlignment;
  entries_.push_back({std::string(name), end_, content, size_bytes});
  end_ = content + size_bytes;
  return entries_.size() - 1;
}

std::vector<std::byte> ZipPlan::header(std::size_t i, std::uint32_t crc32) const {
  const Entry& entry = entries_.at(i);
  const bool wide = is_wide(entry.size_bytes);
  const std::uint64_t extra_bytes =
      entry.content_offset - entry.header_offset - zip::kLocalBytes - entry.name.size();
  const std::uint64_t padding_bytes = extra_bytes - (wide ? kLocalZip64Bytes : 0) - kExtraHeaderBytes;
  std::vector<std::byte> bytes;
  append_number(bytes, zip::kLocalSignature);
  append_common(bytes, entry.name, entry.size_bytes, crc32, wide);
  append_number(bytes, static_cast<std::uint16_t>(extra_bytes));
  append(bytes, entry.name);
  if (wide) append_zip64(bytes, {entry.size_bytes, entry.size_bytes});
  append_number(bytes, kPaddingId);
  append_number(bytes, static_cast<std::uint16_t>(padding_bytes));
  bytes.resize(bytes.size() + padding_bytes);
  return bytes;
}

std::vector<std::byte> ZipPlan::directory(std::span<const std::uint32_t> crcs) const {
  ensure(crcs.size() == entries_.size(), "one CRC an entry is needed");
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Entry& entry = entries_[i];
    std::vector<std::uint64_t> wide;
    if (is_wide(entry.size_bytes)) wide = {entry.size_bytes, entry.size_bytes};
    if (is_wide(entry.header_offset)) wide.push_back(entry.header_offset);
    append_number(bytes, zip::kDirectorySignature);
    append_number(bytes, wide.empty() ? kVersion : kZip64Version);
    append_common(bytes, entry.name, entry.size_bytes, crcs[i], !wide.empty());
    append_number(bytes, static_cast<std::uint16_t>(wide.empty() ? 0 : kExtraHeaderBytes + wide.size() * 8));
    append_number(
        bytes, std::uint64_t{0});  // length of the comment, volume, internal and part of external attributes
    append_number(bytes, std::uint16_t{0});
    append_number(bytes, narrow(entry.header_offset));
    append(bytes, entry.name);
    append_zip64(bytes, wide);
  }
  const std::uint64_t directory_bytes = bytes.size();
  const bool wide = is_wide(end_) || is_wide(directory_bytes) || entries_.size() >= kMostEntries;
  if (wide) {
    append_number(bytes, zip::kZip64EndSignature);
    append_number(bytes, std::uint64_t{zip::kZip64EndBytes - 12});
    append_number(bytes, kZip64Version);
    append_number(bytes, kZip64Version);
    append_number(bytes, std::uint64_t{0});  // this volume, and that of the directory
    append_number(bytes, std::uint64_t{entries_.size()});
    append_number(bytes, std::uint64_t{entries_.size()});
    append_number(bytes, directory_bytes);
    append_number(bytes, end_);
    append_number(bytes, zip::kZip64LocatorSignature);
    append_number(bytes, std::uint32_t{0});
    append_number(bytes, end_ + directory_bytes);
    append_number(bytes, std::uint32_t{1});  // volumes
  }
  const auto count = static_cast<std::uint16_t>(wide ? kMostEntries : entries_.size());
  append_number(bytes, zip::kEndSignature);
  append_number(bytes, std::uint32_t{0});
  append_number(bytes, count);
  append_number(bytes, count);
  append_number(bytes, wide ? zip::kInZip64 : narrow(directory_bytes));
  append_number(bytes, wide ? zip::kInZip64 : narrow(end_));
  append_number(bytes, std::uint16_t{0});  // length of the comment
  return bytes;
}

}  // namespace dfm::data
