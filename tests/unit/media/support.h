// What the tests of the media layer share: golden files, a folder for one test, archives, bytes of texts.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <archive.h>
#include <archive_entry.h>

#include "core/error.h"
#include "core/file.h"
#include "media/utf8_locale.h"

namespace dfm::media {

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

inline std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A file of tests/golden/media; make_pictures.py there says what it shows.
inline std::string golden(const std::string& name) {
  return read_text(std::filesystem::path(DFM_GOLDEN_FOLDER) / "media" / name);
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "dfm_media_XXXXXX").native();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }
  // Writes a file, and the folders above it.
  std::filesystem::path add(const std::string& name, std::string_view content) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    File out = File::create(file);
    out.append(content);
    out.close();
    return file;
  }

 private:
  std::filesystem::path path_;
};

struct TestEntry {
  std::string name;
  std::string content;
  unsigned type = AE_IFREG;
};

// Writes an archive whose format and compression follow its name (libarchive's rules: .tar, .tar.gz, .zip,
// .7z, ...).
inline void write_archive(const std::filesystem::path& path, const std::vector<TestEntry>& entries) {
  const Utf8Locale locale;
  const std::unique_ptr<archive, int (*)(archive*)> writer(archive_write_new(), archive_write_free);
  const auto check = [&](auto status) {
    if (status < ARCHIVE_OK) throw std::runtime_error(archive_error_string(writer.get()));
  };
  check(archive_write_set_format_filter_by_ext(writer.get(), path.c_str()));
  check(archive_write_open_filename(writer.get(), path.c_str()));
  for (const TestEntry& each : entries) {
    const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(),
                                                                         archive_entry_free);
    archive_entry_set_pathname(entry.get(), each.name.c_str());
    archive_entry_set_filetype(entry.get(), each.type);
    archive_entry_set_perm(entry.get(), 0644);
    const bool is_link = each.type == AE_IFLNK;
    if (is_link) archive_entry_set_symlink(entry.get(), each.content.c_str());
    archive_entry_set_size(entry.get(), is_link ? 0 : static_cast<std::int64_t>(each.content.size()));
    check(archive_write_header(writer.get(), entry.get()));
    if (!is_link) check(archive_write_data(writer.get(), each.content.data(), each.content.size()));
  }
  check(archive_write_close(writer.get()));
}

// The same for the same seed; nothing can compress it.
inline std::string random_text(std::size_t count, unsigned seed) {
  std::mt19937 engine(seed);
  std::string text(count, '\0');
  for (char& character : text) character = static_cast<char>(engine() & 0xFFU);
  return text;
}

// The message of the data error that a call throws; "no error" where it throws none. Other exceptions pass.
template <class Call>
std::string data_error_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    if (error.kind() != ExitCode::data) throw;
    return error.what();
  }
  return "no error";
}

}  // namespace dfm::media
