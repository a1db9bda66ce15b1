#include "core/file.h"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/system_error.h"

namespace dfm {
namespace fs = std::filesystem;

File File::open_to_read(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw_system_error("open", path.native(), errno);
  return {descriptor, path};
}

File File::create(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) throw_system_error("create", path.native(), errno);
  return {descriptor, path};
}

File File::open_to_append(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor < 0) throw_system_error("open", path.native(), errno);
  return {descriptor, path};
}

File File::open_to_update(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0) throw_system_error("open", path.native(), errno);
  return {descriptor, path};
}

File File::open_to_write(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) throw_system_error("open", path.native(), errno);
  return {descriptor, path};
}

File::File(File&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

File& File::operator=(File&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  return *this;
}

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::uint64_t File::size() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) throw_system_error("look at", path_.native(), errno);
  return static_cast<std::uint64_t>(status.st_size);
}

std::size_t File::read_up_to(std::span<std::byte> buffer, std::uint64_t offset) const {
  std::size_t done = 0;
  while (done < buffer.size()) {
    const auto count =
        ::pread(descriptor_, buffer.data() + done, buffer.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_system_error("read", path_.native(), errno);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

void File::read_exactly(std::span<std::byte> buffer, std::uint64_t offset) const {
  const std::size_t count = read_up_to(buffer, offset);
  if (count == buffer.size()) return;
  throw data_error(fmt::format("{} ends at byte {}, {} bytes before it should", path_.native(),
                               offset + count, buffer.size() - count),
                   "the file is cut short: copy or make it again");
}

void File::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto count = ::write(descriptor_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_system_error("write", path_.native(), errno);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void File::append_past_cache(std::span<const std::byte> aligned) {
  const int flags = ::fcntl(descriptor_, F_GETFL);
  ssize_t count = 0;
  if (::fcntl(descriptor_, F_SETFL, flags | O_DIRECT) == 0) {
    // No matter why it fails: append() succeeds, or says why not.
    count = std::max<ssize_t>(0, ::write(descriptor_, aligned.data(), aligned.size()));
    ::fcntl(descriptor_, F_SETFL, flags);
  }
  append(aligned.subspan(static_cast<std::size_t>(count)));
}

void File::shorten(std::uint64_t size_bytes) {
  if (::ftruncate(descriptor_, static_cast<off_t>(size_bytes)) != 0) {
    throw_system_error("shorten", path_.native(), errno);
  }
}

void File::write_at(std::span<const std::byte> bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const auto count = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_system_error("write", path_.native(), errno);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
}

void File::start_writing(std::uint64_t offset, std::uint64_t size_bytes) {
  // No matter where it fails: sync() does it all.
  ::sync_file_range(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(size_bytes),
                    SYNC_FILE_RANGE_WRITE);
}

void File::reserve(std::uint64_t size_bytes) {
  const auto length = static_cast<off_t>(size_bytes);
  if (::ftruncate(descriptor_, length) != 0) throw_system_error("write", path_.native(), errno);
  if (length == 0 || ::fallocate(descriptor_, 0, 0, length) == 0) return;
  if (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINTR) return;
  throw_system_error("write", path_.native(), errno);
}

void File::expect_sequential_reads() const { ::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_SEQUENTIAL); }

void File::expect_reads(std::uint64_t offset, std::uint64_t size_bytes) const {
  ::posix_fadvise(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(size_bytes),
                  POSIX_FADV_WILLNEED);
}

void File::sync() {
  if (::fsync(descriptor_) != 0) throw_system_error("flush", path_.native(), errno);
}

void File::close() {
  if (::close(std::exchange(descriptor_, -1)) != 0) throw_system_error("close", path_.native(), errno);
}

fs::path temporary_name(const fs::path& path) {
  return path.parent_path() / fmt::format(".{}.partial", path.filename().native());
}

DurableFile::DurableFile(fs::path path)
    : path_(std::move(path)), file_(File::create(temporary_name(path_))) {}

DurableFile::~DurableFile() {
  if (path_.empty()) return;  // committed, or moved from
  std::error_code ignored;
  fs::remove(temporary_name(path_), ignored);
}

void DurableFile::append(std::span<const std::byte> bytes) {
  constexpr std::uint64_t kStartedBytes = 8U << 20U;
  file_.append(bytes);
  size_ += bytes.size();
  if (size_ - started_ >= kStartedBytes) start_writing();
}

void DurableFile::append_past_cache(std::span<const std::byte> aligned) {
  file_.append_past_cache(aligned);
  size_ += aligned.size();
  start_writing();  // costs nothing where nothing is in the cache
}

void DurableFile::start_writing() {
  file_.start_writing(started_, size_ - started_);
  started_ = size_;
}

void DurableFile::commit() {
  file_.close();
  commit_durably(temporary_name(path_), path_);
  path_.clear();
}

void write_durably(const fs::path& path, std::string_view content) {
  DurableFile file(path);
  file.append(content);
  file.commit();
}

void commit_durably(const fs::path& temporary_path, const fs::path& path) {
  const int descriptor = ::open(temporary_path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw_system_error("open", temporary_path.native(), errno);
  const int status = ::fsync(descriptor);
  const int sync_errno = errno;
  ::close(descriptor);
  if (status != 0) throw_system_error("flush", temporary_path.native(), sync_errno);
  if (::rename(temporary_path.c_str(), path.c_str()) != 0) {
    throw_system_error("rename a finished file to", path.native(), errno);
  }
  sync_folder(path.parent_path());
}

void sync_folder(const fs::path& folder) {
  const fs::path& name = folder.empty() ? fs::path(".") : folder;
  const int descriptor = ::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) throw_system_error("open", name.native(), errno);
  const int status = ::fsync(descriptor);
  const int sync_errno = errno;
  ::close(descriptor);
  // Some network file systems cannot sync a folder; their renames are durable by themselves.
  if (status != 0 && sync_errno != EINVAL && sync_errno != ENOTSUP) {
    throw_system_error("flush", name.native(), sync_errno);
  }
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw_system_error("create folder", folder.native(), error.value());
  if (!fs::is_directory(folder, error)) throw_system_error("create folder", folder.native(), ENOTDIR);
}

void remove_file(const fs::path& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw_system_error("remove", path.native(), errno);
}

std::string read_text(const fs::path& path, std::uint64_t limit_bytes) {
  const File file = File::open_to_read(path);
  const std::uint64_t size = file.size();
  if (size > limit_bytes) {
    throw data_error(fmt::format("{} is {} bytes long, more than the {} that such a file may have",
                                 path.native(), size, limit_bytes));
  }
  std::string text(size, '\0');
  text.resize(file.read_up_to(std::as_writable_bytes(std::span(text)), 0));
  return text;
}

}  // namespace dfm
