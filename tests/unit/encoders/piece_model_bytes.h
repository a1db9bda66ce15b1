// SentencePiece models for tests, field by field (sentencepiece_model.proto).
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace dfm::testing {

enum PieceType : std::uint8_t { kNormalPiece = 1, kUnknownPiece = 2, kControlPiece = 3 };

inline std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7U) bytes += static_cast<char>(0x80U | (value & 0x7FU));
  return bytes + static_cast<char>(value);
}

inline std::string bytes_field(std::uint64_t number, std::string_view content) {
  return varint(number << 3U | 2U) + varint(content.size()) + std::string(content);
}

inline std::string varint_field(std::uint64_t number, std::uint64_t value) {
  return varint(number << 3U) + varint(value);
}

// Little-endian.
inline std::string four_bytes(std::uint32_t value) {
  std::string bytes;
  for (unsigned shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(value >> shift & 0xFFU);
  return bytes;
}

inline std::string piece(std::string_view text, float score, std::uint64_t type = kNormalPiece) {
  const std::string score_field = varint(2U << 3U | 5U) + four_bytes(std::bit_cast<std::uint32_t>(score));
  return bytes_field(1, bytes_field(1, text) + score_field + varint_field(3, type));
}

inline std::string special_pieces() {
  return piece("<pad>", 0, kControlPiece) + piece("</s>", 0, kControlPiece) +
         piece("<unk>", 0, kUnknownPiece);
}

// Ids 3, 4, 5 and so on. Their best sums: "▁ab" is 3 + 7, since -1 - 2 is more than -4.
inline std::string small_model() {
  return special_pieces() + piece("▁a", -1) + piece("▁ab", -4) + piece("▁", -3) + piece("a", -2) +
         piece("b", -2) + piece("\xEF\xBF\xBD", -5);
}

}  // namespace dfm::testing
