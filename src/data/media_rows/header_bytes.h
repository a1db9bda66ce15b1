// The beginning of a file as numbers and text, for readers of headers: reads behind the end give 0 and are
// remembered.
//
//   HeaderBytes bytes(begin);
//   const std::uint32_t width = bytes.big(16, 4);
//   if (bytes.is_good()) ...
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace dfm::data {

class HeaderBytes {
 public:
  explicit HeaderBytes(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::uint64_t little(std::uint64_t offset, unsigned count) {
    std::uint64_t value = 0;
    for (unsigned i = count; i-- > 0;) value = value << 8U | at(offset + i);
    return value;
  }
  std::uint64_t big(std::uint64_t offset, unsigned count) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < count; ++i) value = value << 8U | at(offset + i);
    return value;
  }
  // Numbers of four bytes and fewer.
  std::uint32_t little32(std::uint64_t offset, unsigned count = 4) {
    return static_cast<std::uint32_t>(little(offset, count));
  }
  std::uint32_t big32(std::uint64_t offset, unsigned count = 4) {
    return static_cast<std::uint32_t>(big(offset, count));
  }
  bool has(std::uint64_t offset, std::string_view text) const {
    return bytes_.size() >= text.size() && offset <= bytes_.size() - text.size() &&
           std::string_view(reinterpret_cast<const char*>(bytes_.data()) + offset, text.size()) == text;
  }
  HeaderBytes from(std::uint64_t offset) const {
    return HeaderBytes(offset < bytes_.size() ? bytes_.subspan(offset) : std::span<const std::byte>{});
  }

  bool is_good() const { return is_good_; }

 private:
  std::uint32_t at(std::uint64_t offset) {
    if (offset < bytes_.size()) return std::to_integer<std::uint32_t>(bytes_[offset]);
    is_good_ = false;
    return 0;
  }

  std::span<const std::byte> bytes_;
  bool is_good_ = true;
};

}  // namespace dfm::data
