#include "report/protobuf.h"

#include <bit>

namespace dfm::report {
namespace {

constexpr std::uint32_t kVarint = 0;
constexpr std::uint32_t kFixed64 = 1;
constexpr std::uint32_t kLengthDelimited = 2;
constexpr std::uint32_t kFixed32 = 5;

}  // namespace

void ProtobufMessage::append_varint(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U) bytes_.push_back(static_cast<char>((value & 0x7FU) | 0x80U));
  bytes_.push_back(static_cast<char>(value));
}

void ProtobufMessage::append_tag(std::uint32_t field, std::uint32_t wire_type) {
  append_varint(field << 3U | wire_type);
}

void ProtobufMessage::add_integer(std::uint32_t field, std::int64_t value) {
  append_tag(field, kVarint);
  append_varint(static_cast<std::uint64_t>(value));
}

void ProtobufMessage::add_float(std::uint32_t field, float value) {
  append_tag(field, kFixed32);
  append_little_endian(bytes_, std::bit_cast<std::uint32_t>(value));
}

void ProtobufMessage::add_double(std::uint32_t field, double value) {
  append_tag(field, kFixed64);
  append_little_endian(bytes_, std::bit_cast<std::uint64_t>(value));
}

void ProtobufMessage::add_bytes(std::uint32_t field, std::string_view value) {
  append_tag(field, kLengthDelimited);
  append_varint(value.size());
  bytes_ += value;
}

}  // namespace dfm::report
