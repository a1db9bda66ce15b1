// Appends the opcodes of a pickle. Only what the writers of tensors need: nothing is shared, so there is no
// memo.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/array.h"

namespace dfm::data::pickle {

class Writer {
 public:
  explicit Writer(std::uint8_t protocol);

  // An opcode without operands.
  Writer& operation(char opcode);
  Writer& global(std::string_view module, std::string_view name);
  Writer& integer(std::int64_t value);
  Writer& boolean(bool value);
  Writer& text(std::string_view value);
  Writer& bytes(std::span<const std::byte> value);  // needs protocol 4
  Writer& tuple(const Shape& values);

  std::vector<std::byte> finish() &&;

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace dfm::data::pickle
