// CRC-32 of long stretches by carry-less multiplication, several times as fast as tables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace dfm::data {

// Whether this processor can.
bool can_fold_crc32();

// As extend_crc32() of crc.h, for a multiple of 16 bytes, 64 or more. Only where can_fold_crc32().
std::uint32_t fold_crc32(std::uint32_t crc, std::span<const std::byte> bytes);

}  // namespace dfm::data
