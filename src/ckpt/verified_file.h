// A file that is read for its content and for its checksum at once, so that checking what is loaded costs no
// second pass: ranges read from front to back are hashed as they come by, and finish() reads the rest.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "core/file.h"
#include "core/hash.h"

namespace dfm::ckpt {

class VerifiedFile {
 public:
  explicit VerifiedFile(const std::filesystem::path& path);

  // Fills out with the bytes from offset on; a data error where the file ends before.
  void read(std::uint64_t offset, std::span<std::byte> out);
  // XXH3-64 of the whole file. Throws an error of kind `stopped` when asked to stop meanwhile.
  std::uint64_t finish();

 private:
  void read_and_hash(std::span<std::byte> out);
  void hash_up_to(std::uint64_t end);

  File file_;
  StreamHash hash_;
  std::uint64_t hashed_ = 0;  // bytes, from the beginning
  std::vector<std::byte> passed_over_;
};

}  // namespace dfm::ckpt
