// Files through checked, owning wrappers, and writes that survive a crash.
//
//   write_durably(path, text);       // temporary name, fsync, rename, fsync of the folder: all or nothing
//
//   DurableFile file(path);          // the same for content that is produced in pieces
//   file.append(bytes);
//   file.commit();                   // without it the destructor removes the temporary file
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dfm {

class File {
 public:
  static File open_to_read(const std::filesystem::path& path);
  static File create(const std::filesystem::path& path);          // truncates
  static File open_to_write(const std::filesystem::path& path);   // keeps what is there
  static File open_to_update(const std::filesystem::path& path);  // the same, to read and write
  // Appends to what is there, in one piece a call where the file system is local.
  static File open_to_append(const std::filesystem::path& path);

  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File();

  const std::filesystem::path& path() const { return path_; }
  std::uint64_t size() const;

  // Reads at most buffer.size() bytes at offset; fewer at the end of the file.
  std::size_t read_up_to(std::span<std::byte> buffer, std::uint64_t offset) const;
  // Reads exactly buffer.size() bytes; a data error names the file when it is shorter.
  void read_exactly(std::span<std::byte> buffer, std::uint64_t offset) const;

  void append(std::span<const std::byte> bytes);
  void append(std::string_view text) { append(std::as_bytes(std::span(text))); }
  // The same past the page cache, as far as the file system takes it that way: it wants memory, length and
  // the place in the file to be multiples of a page. The rest goes through the cache.
  void append_past_cache(std::span<const std::byte> aligned);
  void write_at(std::span<const std::byte> bytes, std::uint64_t offset);
  // Lets the system begin to write these bytes to the disk, so that sync() has less to wait for.
  void start_writing(std::uint64_t offset, std::uint64_t size_bytes);
  // Sets the length and, where the file system can, takes the space now, so that a full disk shows before the
  // work and not after it.
  void reserve(std::uint64_t size_bytes);
  // Asks the kernel to read ahead generously: the file will be read from front to back.
  void expect_sequential_reads() const;
  // Asks the kernel to begin to read these bytes, without waiting for them.
  void expect_reads(std::uint64_t offset, std::uint64_t size_bytes) const;
  // Keeps the first size_bytes.
  void shorten(std::uint64_t size_bytes);
  // Makes the content durable.
  void sync();
  // Closes and reports what the file system had kept back until now.
  void close();

 private:
  File(int descriptor, std::filesystem::path path) : descriptor_(descriptor), path_(std::move(path)) {}

  int descriptor_ = -1;
  std::filesystem::path path_;
};

class DurableFile {
 public:
  explicit DurableFile(std::filesystem::path path);
  DurableFile(DurableFile&&) noexcept = default;
  DurableFile& operator=(DurableFile&&) = delete;
  ~DurableFile();

  // Large files begin to be written to the disk meanwhile.
  void append(std::span<const std::byte> bytes);
  void append(std::string_view text) { append(std::as_bytes(std::span(text))); }
  void append_past_cache(std::span<const std::byte> aligned);
  void commit();

 private:
  void start_writing();

  std::filesystem::path path_;
  File file_;
  std::uint64_t size_ = 0, started_ = 0;
};

void write_durably(const std::filesystem::path& path, std::string_view content);

// Makes a finished file (written by a foreign library under temporary_path) durable under path.
void commit_durably(const std::filesystem::path& temporary_path, const std::filesystem::path& path);

// The name under which a file is written before it is complete.
std::filesystem::path temporary_name(const std::filesystem::path& path);

// Makes the names inside a folder durable.
void sync_folder(const std::filesystem::path& folder);

// Creates a folder and its parents; throws a storage error when something is in the way.
void make_folder(const std::filesystem::path& folder);

// Removes a file; absence is fine.
void remove_file(const std::filesystem::path& path);

// A whole file as text. Files larger than limit_bytes are a data error (a bomb, or the wrong file).
std::string read_text(const std::filesystem::path& path, std::uint64_t limit_bytes = 64U << 20U);

}  // namespace dfm
