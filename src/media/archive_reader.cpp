#include "media/archive_reader.h"

#include <algorithm>
#include <new>

#include <archive.h>
#include <archive_entry.h>
#include <fmt/core.h>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "core/units.h"
#include "media/utf8_locale.h"

namespace dfm::media {
namespace {

constexpr std::size_t kReadBytes = 1U << 20U;
constexpr std::uint64_t kHarmlessUnpackedBytes = 1U << 30U;
constexpr std::uint64_t kMostUnpackedForPacked = 200;

void allow_formats(archive* reader) {
  archive_read_support_format_tar(reader);
  archive_read_support_format_zip(reader);
  archive_read_support_format_7zip(reader);
  archive_read_support_filter_gzip(reader);
  archive_read_support_filter_bzip2(reader);
  archive_read_support_filter_xz(reader);
  archive_read_support_filter_zstd(reader);
  archive_read_support_filter_lz4(reader);
}

// Past content that is not compressed libarchive seeks; elsewhere it unpacks what it skips, without an end in
// sight.
bool seeks_past_content(archive* reader) {
  const bool is_7zip = (archive_format(reader) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_7ZIP;
  return archive_filter_code(reader, 0) == ARCHIVE_FILTER_NONE && !is_7zip;
}

}  // namespace

struct ArchiveReader::Block {
  const void* bytes = nullptr;
  std::size_t size = 0;
  std::int64_t offset = 0;
};

ArchiveReader::ArchiveReader(const std::filesystem::path& path)
    : path_(path), archive_(archive_read_new(), archive_read_free) {
  if (!archive_) throw std::bad_alloc();
  most_unpacked_bytes_ = kHarmlessUnpackedBytes + kMostUnpackedForPacked * File::open_to_read(path).size();
  const Utf8Locale locale;
  allow_formats(archive_.get());
  check(archive_read_open_filename(archive_.get(), path.c_str(), kReadBytes));
}

std::string ArchiveReader::position() const {
  if (name_.empty()) return path_.native();
  return fmt::format("{} at entry '{}'", path_.native(), printable(name_));
}

void ArchiveReader::check(int status) const {
  if (status == ARCHIVE_OK || status == ARCHIVE_WARN) return;
  const char* const text = archive_error_string(archive_.get());
  throw data_error(
      fmt::format("{}: {}", position(), text == nullptr ? "damaged" : text),
      "tar (plain or compressed), zip and 7z archives can be read; if this is one, copy or make it again");
}

void ArchiveReader::count_unpacked(std::uint64_t bytes) {
  unpacked_bytes_ += bytes;
  if (unpacked_bytes_ <= most_unpacked_bytes_) return;
  throw data_error(fmt::format("{}: unpacks to more than {}, {} times what it takes on disk", position(),
                               format_bytes(most_unpacked_bytes_), kMostUnpackedForPacked),
                   "pictures do not compress like this; if it is sound, unpack it and give the folder");
}

bool ArchiveReader::next_block(Block& block) {
  const int status = archive_read_data_block(archive_.get(), &block.bytes, &block.size, &block.offset);
  if (status == ARCHIVE_EOF) return false;
  check(status == ARCHIVE_WARN ? ARCHIVE_FAILED : status);
  count_unpacked(block.size);
  return true;
}

void ArchiveReader::skip_content() {
  if (!content_is_left_) return;
  content_is_left_ = false;
  if (seeks_past_content(archive_.get())) {
    check(archive_read_data_skip(archive_.get()));
    return;
  }
  Block block;
  while (next_block(block)) {
  }
}

bool ArchiveReader::next() {
  static constexpr std::uint64_t kHeaderBytes = 512;
  const Utf8Locale locale;
  skip_content();
  const int status = archive_read_next_header(archive_.get(), &entry_);
  if (status == ARCHIVE_EOF) return false;
  check(status);
  count_unpacked(kHeaderBytes);
  const char* const name = archive_entry_pathname(entry_);
  name_ = name == nullptr ? "" : name;
  content_is_left_ = true;
  return true;
}

bool ArchiveReader::is_file() const {
  return archive_entry_filetype(entry_) == AE_IFREG && archive_entry_hardlink(entry_) == nullptr;
}

std::uint64_t ArchiveReader::size_bytes() const {
  if (archive_entry_size_is_set(entry_) == 0) return 0;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, archive_entry_size(entry_)));
}

std::vector<std::byte> ArchiveReader::read(std::uint64_t limit_bytes) {
  ensure(content_is_left_, "an archive entry is read twice");
  const auto refuse_above_limit = [&](std::uint64_t size) {
    if (size <= limit_bytes) return;
    throw data_error(fmt::format("{}: longer than {}", position(), format_bytes(limit_bytes)));
  };
  refuse_above_limit(size_bytes());
  content_is_left_ = false;
  std::vector<std::byte> content;
  Block block;
  while (next_block(block)) {
    refuse_above_limit(static_cast<std::uint64_t>(block.offset) + block.size);
    // A sparse file leaves out its zeros.
    content.resize(std::max(content.size(), static_cast<std::size_t>(block.offset)));
    const auto* const bytes = static_cast<const std::byte*>(block.bytes);
    content.insert(content.end(), bytes, bytes + block.size);
  }
  return content;
}

}  // namespace dfm::media
