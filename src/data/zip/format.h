// Signatures and sizes of ZIP records (PKWARE APPNOTE.TXT 6.3, section 4.3), shared by reader and writer.
#pragma once

#include <cstdint>

namespace dfm::data::zip {

inline constexpr std::uint32_t kLocalSignature = 0x04034b50;
inline constexpr std::uint32_t kDirectorySignature = 0x02014b50;
inline constexpr std::uint32_t kEndSignature = 0x06054b50;
inline constexpr std::uint32_t kZip64EndSignature = 0x06064b50;
inline constexpr std::uint32_t kZip64LocatorSignature = 0x07064b50;

inline constexpr std::uint64_t kLocalBytes = 30;
inline constexpr std::uint64_t kDirectoryBytes = 46;
inline constexpr std::uint64_t kEndBytes = 22;
inline constexpr std::uint64_t kZip64EndBytes = 56;
inline constexpr std::uint64_t kZip64LocatorBytes = 20;

// Stands in a 32-bit field whose value is in the ZIP64 extra field.
inline constexpr std::uint32_t kInZip64 = 0xFFFFFFFF;
inline constexpr std::uint16_t kZip64ExtraId = 1;

}  // namespace dfm::data::zip
