// CRC-32C (Castagnoli polynomial, RFC 3720 section 12.1), the checksum of TensorBoard's record files.
#pragma once

#include <cstdint>
#include <string_view>

namespace dfm::report {

std::uint32_t crc32c(std::string_view bytes);

// The form in which TFRecord files store it, so that a checksum over bytes that hold checksums stays sound:
// rotated right by 15 bits, plus 0xA282EAD8.
std::uint32_t masked_crc32c(std::string_view bytes);

}  // namespace dfm::report
