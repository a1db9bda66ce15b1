// CRC-32 as ZIP archives record it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "data/tensor/byte_range.h"

namespace dfm::data {

std::uint32_t crc32_of(std::span<const std::byte> bytes);

// Throws a data error when the content's CRC differs from the recorded one.
void check_crc(const ByteRange& content, std::uint32_t recorded);

}  // namespace dfm::data
