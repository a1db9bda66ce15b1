#include "data/pickle/writer.h"

#include <limits>

#include "data/tensor/byte_append.h"

namespace dfm::data::pickle {

Writer::Writer(std::uint8_t protocol) {
  append_number(bytes_, std::uint8_t{0x80});
  append_number(bytes_, protocol);
}

Writer& Writer::operation(char opcode) {
  append_number(bytes_, opcode);
  return *this;
}

Writer& Writer::global(std::string_view module, std::string_view name) {
  operation('c');
  append(bytes_, module);
  append(bytes_, "\n");
  append(bytes_, name);
  append(bytes_, "\n");
  return *this;
}

Writer& Writer::integer(std::int64_t value) {
  if (value >= 0 && value <= std::numeric_limits<std::uint8_t>::max()) {
    operation('K');
    append_number(bytes_, static_cast<std::uint8_t>(value));
  } else if (value >= std::numeric_limits<std::int32_t>::min() &&
             value <= std::numeric_limits<std::int32_t>::max()) {
    operation('J');
    append_number(bytes_, static_cast<std::int32_t>(value));
  } else {
    append_number(bytes_, std::uint8_t{0x8a});
    append_number(bytes_, std::uint8_t{sizeof(value)});
    append_number(bytes_, value);
  }
  return *this;
}

Writer& Writer::boolean(bool value) { return operation(value ? '\x88' : '\x89'); }

Writer& Writer::text(std::string_view value) {
  operation('X');
  append_number(bytes_, static_cast<std::uint32_t>(value.size()));
  append(bytes_, value);
  return *this;
}

Writer& Writer::bytes(std::span<const std::byte> value) {
  if (value.size() <= std::numeric_limits<std::uint32_t>::max()) {
    operation('B');
    append_number(bytes_, static_cast<std::uint32_t>(value.size()));
  } else {
    append_number(bytes_, std::uint8_t{0x8e});
    append_number(bytes_, std::uint64_t{value.size()});
  }
  append(bytes_, value);
  return *this;
}

Writer& Writer::tuple(const Shape& values) {
  operation('(');
  for (const std::int64_t value : values) integer(value);
  return operation('t');
}

std::vector<std::byte> Writer::finish() && {
  operation('.');
  return std::move(bytes_);
}

}  // namespace dfm::data::pickle
