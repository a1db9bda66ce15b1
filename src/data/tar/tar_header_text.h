// The header of a regular file in a shard: ustar without times, users or anything of this machine, after a
// PAX header where its name or size needs one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "data/tar/tar_header.h"

namespace dfm::data {

// Zeros behind the last member.
inline constexpr std::uint64_t kTarEndBytes = 2 * kTarBlockBytes;

// Zeros up to the next block.
constexpr std::size_t tar_padding(std::uint64_t size_bytes) {
  return static_cast<std::size_t>((kTarBlockBytes - size_bytes % kTarBlockBytes) % kTarBlockBytes);
}

// One block, or several with a PAX header.
void append_tar_header(std::string& out, std::string_view name, std::uint64_t size_bytes);

}  // namespace dfm::data
