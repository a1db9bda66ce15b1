// CRC-32 as ZIP archives record it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "data/tensor/byte_range.h"

namespace dfm::data {

std::uint32_t crc32_of(std::span<const std::byte> bytes);

// The CRC of what `crc` is the CRC of (0: nothing) with these bytes behind it.
std::uint32_t extend_crc32(std::uint32_t crc, std::span<const std::byte> bytes);
// The CRC of two stretches behind each other; the second one is that long.
std::uint32_t join_crc32(std::uint32_t first, std::uint32_t second, std::uint64_t second_bytes);

// Throw a data error when the content's CRC differs from the recorded one.
void require_crc(std::uint32_t crc, std::uint32_t recorded);
void check_crc(const ByteRange& content, std::uint32_t recorded);

}  // namespace dfm::data
