// A PNG file made by its specification alone (ISO/IEC 15948, RFC 1950, RFC 1951), without any library.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dfm::media {

inline std::string big_endian(std::uint32_t value) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift & 0xFFU);
  return text;
}

inline std::uint32_t crc32_of(std::string_view text) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char character : text) {
    crc ^= static_cast<std::uint8_t>(character);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1U ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0);
  }
  return ~crc;
}

inline std::uint32_t adler32_of(std::string_view text) {
  std::uint32_t a = 1, b = 0;
  for (const char character : text) {
    a = (a + static_cast<std::uint8_t>(character)) % 65521;
    b = (b + a) % 65521;
  }
  return b << 16U | a;
}

inline std::string png_chunk(const std::string& kind, const std::string& data) {
  return big_endian(static_cast<std::uint32_t>(data.size())) + kind + data +
         big_endian(crc32_of(kind + data));
}

// A zlib stream of one stored block; at most 65535 bytes.
inline std::string stored_stream(const std::string& data) {
  const auto size = static_cast<unsigned>(data.size());
  std::string stream = "\x78\x01\x01";
  for (const unsigned part : {size & 0xFFU, size >> 8U, ~size & 0xFFU, (~size >> 8U) & 0xFFU}) {
    stream += static_cast<char>(part);
  }
  return stream + data + big_endian(adler32_of(data));
}

// 8-bit RGB. Each row begins with its filter, 0 for none.
inline std::string hand_made_png(std::uint32_t width, std::uint32_t height, const std::string& rows) {
  const std::string header = big_endian(width) + big_endian(height) + std::string("\x08\x02\0\0\0", 5);
  return "\x89PNG\r\n\x1A\n" + png_chunk("IHDR", header) + png_chunk("IDAT", stored_stream(rows)) +
         png_chunk("IEND", "");
}

}  // namespace dfm::media
