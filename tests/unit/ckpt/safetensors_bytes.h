// A safetensors file from the text of its header, however wrong.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>

namespace dfm::ckpt {

inline std::string with_length(std::uint64_t header_bytes, const std::string& rest) {
  std::string bytes(sizeof header_bytes, '\0');
  std::memcpy(bytes.data(), &header_bytes, sizeof header_bytes);
  return bytes + rest;
}

inline std::string safetensors_bytes(const std::string& header, const std::string& data) {
  return with_length(header.size(), header + data);
}

}  // namespace dfm::ckpt
