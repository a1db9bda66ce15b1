// The wire format of protocol buffers, as far as writing TensorBoard events needs it
// (https://protobuf.dev/programming-guides/encoding).
//
//   ProtobufMessage value;
//   value.add_bytes(1, "loss");
//   value.add_float(2, 0.5F);
//   ProtobufMessage summary;
//   summary.add_bytes(1, value.bytes());   // a message inside a message is its bytes
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dfm::report {

class ProtobufMessage {
 public:
  // A negative number takes ten bytes, as int32 and int64 fields have it.
  void add_integer(std::uint32_t field, std::int64_t value);
  void add_float(std::uint32_t field, float value);
  void add_double(std::uint32_t field, double value);
  // Fields of type string, bytes, or another message. The text of a string must be UTF-8.
  void add_bytes(std::uint32_t field, std::string_view value);

  const std::string& bytes() const { return bytes_; }

 private:
  void append_varint(std::uint64_t value);
  void append_tag(std::uint32_t field, std::uint32_t wire_type);

  std::string bytes_;
};

// The bytes of an unsigned integer, lowest first.
template <class Unsigned>
void append_little_endian(std::string& bytes, Unsigned value) {
  for (std::size_t i = 0; i < sizeof(Unsigned); ++i)
    bytes.push_back(static_cast<char>((value >> (8 * i)) & 0xFFU));
}

}  // namespace dfm::report
