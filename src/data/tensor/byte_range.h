// A stretch of bytes that are read when they are needed: from memory, or from a file of which only headers
// are wanted. Readers of untrusted files cut parts from it; a part that does not lie inside is a data error,
// so that a length in a file is checked before anything is allocated for it.
//
//   const ByteRange file = ByteRange::through(read_at, size_bytes);
//   const ByteRange payload = file.part(64, file.number<std::uint32_t>(4));
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace dfm::data {

// Fills the whole buffer with the bytes at an offset, or throws.
using ReadAt = std::function<void(std::uint64_t offset, std::span<std::byte> buffer)>;

class ByteRange {
 public:
  ByteRange() = default;

  // The bytes must outlive the range and every part of it.
  static ByteRange of(std::span<const std::byte> bytes);
  static ByteRange owning(std::vector<std::byte> bytes);
  // Small reads are served from blocks of 4 KiB. The range and its parts belong to one thread.
  static ByteRange through(ReadAt read_at, std::uint64_t size_bytes);

  std::uint64_t size() const { return size_; }

  ByteRange part(std::uint64_t offset, std::uint64_t length) const;
  void read(std::uint64_t offset, std::span<std::byte> buffer) const;
  // The bytes themselves where they are in memory; empty for a file.
  std::span<const std::byte> view() const { return memory_; }
  std::vector<std::byte> bytes() const;
  std::string text() const;

  // An integer or floating-point number in little-endian order.
  template <class T>
  T number(std::uint64_t offset) const {
    static_assert(std::endian::native == std::endian::little);
    T value{};
    read(offset, std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }

 private:
  ByteRange(ReadAt read_at, std::uint64_t size)
      : read_at_(std::make_shared<const ReadAt>(std::move(read_at))), size_(size) {}
  ByteRange(std::span<const std::byte> memory, std::shared_ptr<const void> kept)
      : memory_(memory), kept_(std::move(kept)), size_(memory.size()) {}

  // Throws unless [offset, offset + length) lies inside.
  void require(std::uint64_t offset, std::uint64_t length) const;

  std::shared_ptr<const ReadAt> read_at_;  // of a file
  std::span<const std::byte> memory_;      // of this range, where it is in memory
  std::shared_ptr<const void> kept_;       // what owns the memory; none where the caller does
  std::uint64_t offset_ = 0;
  std::uint64_t size_ = 0;
};

}  // namespace dfm::data
