// Checksums and fingerprints: XXH3 (xxHash), as 64-bit numbers and as 16 hexadecimal digits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace dfm {

std::uint64_t hash64(std::string_view bytes);
std::uint64_t hash64(std::span<const std::byte> bytes);

// XXH3-64 of bytes that come one part after the other.
class StreamHash {
 public:
  StreamHash();
  void update(std::span<const std::byte> bytes);
  std::uint64_t digest() const;

 private:
  struct Free {
    void operator()(void* state) const;
  };
  std::unique_ptr<void, Free> state_;
};

std::string hex(std::uint64_t value);

// XXH3-64 of a whole file, read in pieces of a few MiB. Throws a storage error when it cannot be read.
std::uint64_t hash_file(const std::filesystem::path& path);

}  // namespace dfm
