#include "encoders/wire_fields.h"

#include <cstring>

#include <fmt/core.h>

#include "core/error.h"

namespace dfm::encoders {
namespace {

constexpr std::uint64_t kVarint = 0, kEightBytes = 1, kBytes = 2, kFourBytes = 5;

void require_kind(const WireField& field, std::uint64_t kind) {
  if (field.kind != kind) throw data_error(fmt::format("field {} is of kind {}", field.number, field.kind));
}

}  // namespace

std::uint64_t WireField::varint() const {
  require_kind(*this, kVarint);
  return integer;
}

std::string_view WireField::bytes() const {
  require_kind(*this, kBytes);
  return content;
}

float WireField::real() const {
  require_kind(*this, kFourBytes);
  float value = 0;
  std::memcpy(&value, content.data(), sizeof value);
  return value;
}

std::uint64_t WireFields::take_varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto byte = static_cast<unsigned char>(take(1)[0]);
    value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
    if (byte < 0x80) return value;
  }
  throw data_error("a number has more than ten bytes");
}

std::string_view WireFields::take(std::uint64_t size) {
  if (size > rest_.size()) throw data_error(fmt::format("{} bytes are missing", size - rest_.size()));
  const std::string_view taken = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return taken;
}

WireField WireFields::take_field() {
  const std::uint64_t tag = take_varint();
  WireField field{.number = tag >> 3U, .kind = tag & 7U, .integer = 0, .content = {}, .whole = {}};
  switch (field.kind) {
    case kVarint:
      field.integer = take_varint();
      return field;
    case kEightBytes:
      field.content = take(8);
      return field;
    case kBytes:
      field.content = take(take_varint());
      return field;
    case kFourBytes:
      field.content = take(4);
      return field;
    default:
      throw data_error(fmt::format("field {} is of kind {}", field.number, field.kind));
  }
}

std::optional<WireField> WireFields::next() {
  if (rest_.empty()) return {};
  const std::string_view before = rest_;
  WireField field = take_field();
  field.whole = before.substr(0, before.size() - rest_.size());
  return field;
}

}  // namespace dfm::encoders
