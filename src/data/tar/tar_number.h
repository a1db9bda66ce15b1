// Numbers in tar headers, accepted and refused exactly as Python's tarfile module does, because the real
// Energon reads its shards through it: what it refuses ends an archive, and what it accepts must be accepted
// here (spec/energon.md section 1.3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace dfm::data {

// A number field of a header block: octal text, or base-256 behind a first byte of 0x80. Values above the
// int64 range come back as its maximum, negative base-256 ones as -1. Empty when the field holds no number.
std::optional<std::int64_t> parse_tar_number(std::span<const std::byte> field);

// A decimal number of a PAX record, with the same saturation; surrounding blanks, a sign and single
// underscores between digits are accepted, as Python's int() does.
std::optional<std::int64_t> parse_decimal(std::string_view text);

}  // namespace dfm::data
