#include "data/zip/reader.h"

#include <algorithm>
#include <vector>

#include <fmt/core.h>

#include "core/error.h"
#include "core/text.h"
#include "core/units.h"
#include "data/tensor/error_context.h"
#include "data/zip/directory.h"
#include "data/zip/format.h"

namespace dfm::data {
namespace {

constexpr std::uint64_t kMostDirectoryBytes = 64U << 20U;
// Bits of the general flags: encrypted, strongly encrypted, header values masked.
constexpr unsigned kEncryptedFlags = 1U << 0U | 1U << 6U | 1U << 13U;

std::string entry_title(std::string_view name) { return fmt::format("the ZIP entry '{}'", printable(name)); }

void refuse_unless_stored(unsigned flags, unsigned method) {
  if ((flags & kEncryptedFlags) != 0) throw data_error("it is encrypted");
  if (method != 0) {
    throw data_error(
        fmt::format("it is compressed (method {})", method),
        "only stored entries are read, as torch.save and numpy.savez write them: load and save the file with "
        "these");
  }
}

// The values of the ZIP64 extra field, in the order in which the 32-bit fields ask for them.
class Zip64Values {
 public:
  explicit Zip64Values(const ByteRange& extra) {
    for (std::uint64_t offset = 0; offset + 4 <= extra.size();) {
      const auto length = extra.number<std::uint16_t>(offset + 2);
      if (extra.number<std::uint16_t>(offset) == zip::kZip64ExtraId) values_ = extra.part(offset + 4, length);
      offset += 4U + length;
    }
  }

  std::uint64_t resolve(std::uint32_t field) {
    if (field != zip::kInZip64) return field;
    const auto value = values_.number<std::uint64_t>(next_);
    next_ += sizeof(value);
    return value;
  }

 private:
  ByteRange values_;
  std::uint64_t next_ = 0;
};

}  // namespace

ZipReader::ZipReader(ByteRange file) : file_(std::move(file)) {
  const zip::DirectoryPlace place = zip::find_directory(file_);
  if (place.size_bytes > kMostDirectoryBytes || place.entries > place.size_bytes / zip::kDirectoryBytes) {
    throw data_error(fmt::format("the directory of the ZIP archive claims {} entries in {}", place.entries,
                                 format_bytes(place.size_bytes)));
  }
  const std::vector<std::byte> bytes = file_.part(place.offset, place.size_bytes).bytes();
  const ByteRange directory = ByteRange::of(bytes);
  std::uint64_t offset = 0;
  for (std::uint64_t i = 0; i < place.entries; ++i) offset = read_record(directory, offset);
  set_limits(place.offset);
}

bool ZipReader::recognizes(const ByteRange& file) {
  return file.size() >= 4 && file.number<std::uint32_t>(0) == zip::kLocalSignature;
}

std::uint64_t ZipReader::read_record(const ByteRange& directory, std::uint64_t offset) {
  const ByteRange fixed = directory.part(offset, zip::kDirectoryBytes);
  if (fixed.number<std::uint32_t>(0) != zip::kDirectorySignature) {
    throw data_error(fmt::format("the directory of the ZIP archive is damaged at byte {}", offset));
  }
  const std::uint64_t name_offset = offset + zip::kDirectoryBytes;
  const std::uint64_t extra_offset = name_offset + fixed.number<std::uint16_t>(28);
  const auto extra_bytes = fixed.number<std::uint16_t>(30);
  const std::string name = directory.part(name_offset, extra_offset - name_offset).text();
  const Record record =
      with_context([&] { return entry_title(name); },
                   [&] { return parse_record(fixed, directory.part(extra_offset, extra_bytes)); });
  if (!records_.emplace(name, record).second) throw data_error(entry_title(name) + " is there twice");
  return extra_offset + extra_bytes + fixed.number<std::uint16_t>(32);
}

ZipReader::Record ZipReader::parse_record(const ByteRange& fixed, const ByteRange& extra) {
  refuse_unless_stored(fixed.number<std::uint16_t>(8), fixed.number<std::uint16_t>(10));
  Zip64Values zip64(extra);
  Record record;
  record.size_bytes = zip64.resolve(fixed.number<std::uint32_t>(24));
  if (zip64.resolve(fixed.number<std::uint32_t>(20)) != record.size_bytes)
    throw data_error("it has two sizes");
  record.header_offset = zip64.resolve(fixed.number<std::uint32_t>(42));
  record.crc32 = fixed.number<std::uint32_t>(16);
  if (fixed.number<std::uint16_t>(34) != 0) throw data_error("it is in another volume");
  return record;
}

void ZipReader::set_limits(std::uint64_t directory_offset) {
  std::vector<Records::pointer> by_offset;
  for (auto& record : records_) by_offset.push_back(&record);
  std::ranges::sort(by_offset, {}, [](const auto* record) { return record->second.header_offset; });
  std::uint64_t limit = directory_offset;
  for (auto current = by_offset.rbegin(); current != by_offset.rend(); ++current) {
    auto& [name, record] = **current;
    const std::uint64_t least_bytes = zip::kLocalBytes + name.size();
    if (record.header_offset > limit || limit - record.header_offset < least_bytes ||
        record.size_bytes > limit - record.header_offset - least_bytes) {
      throw data_error(entry_title(name) + " overlaps what follows it");
    }
    record.limit = limit;
    limit = record.header_offset;
  }
}

ZipEntry ZipReader::entry(std::string_view name) const {
  const auto found = records_.find(name);
  if (found == records_.end())
    throw data_error(fmt::format("the ZIP archive has no entry '{}'", printable(name)));
  const Record& record = found->second;
  const ByteRange space = file_.part(record.header_offset, record.limit - record.header_offset);
  const ByteRange fixed = space.part(0, zip::kLocalBytes);
  const std::uint64_t name_bytes = fixed.number<std::uint16_t>(26);
  if (fixed.number<std::uint32_t>(0) != zip::kLocalSignature || name_bytes != name.size() ||
      space.part(zip::kLocalBytes, name_bytes).text() != name) {
    throw data_error(entry_title(name) + " is not where the directory says");
  }
  with_context([&] { return entry_title(name); },
               [&] { refuse_unless_stored(fixed.number<std::uint16_t>(6), fixed.number<std::uint16_t>(8)); });
  const std::uint64_t start = zip::kLocalBytes + name_bytes + fixed.number<std::uint16_t>(28);
  return {space.part(start, record.size_bytes), record.crc32};
}

std::string ZipReader::name_ending_in(std::string_view suffix) const {
  const std::string behind_slash = fmt::format("/{}", suffix);
  std::string result;
  for (const auto& [name, record] : records_) {
    if (name != suffix && !name.ends_with(behind_slash)) continue;
    if (!result.empty()) throw data_error(fmt::format("the ZIP archive has several entries '{}'", suffix));
    result = name;
  }
  if (result.empty()) throw data_error(fmt::format("the ZIP archive has no entry '{}'", suffix));
  return result;
}

}  // namespace dfm::data
