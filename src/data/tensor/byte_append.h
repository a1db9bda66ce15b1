// Appends numbers and text to a buffer in the byte order of the file formats here, least significant byte
// first.
#pragma once

#include <bit>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace dfm::data {

inline void append(std::vector<std::byte>& buffer, std::span<const std::byte> bytes) {
  buffer.insert(buffer.end(), bytes.begin(), bytes.end());
}

inline void append(std::vector<std::byte>& buffer, std::string_view text) {
  append(buffer, std::as_bytes(std::span(text)));
}

template <class T>
void append_number(std::vector<std::byte>& buffer, T value) {
  static_assert(std::endian::native == std::endian::little);
  append(buffer, std::as_bytes(std::span(&value, 1)));
}

}  // namespace dfm::data
