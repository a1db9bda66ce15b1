// The fields of a message of Protocol Buffers, one by one, without its description: for looking at foreign
// files before a library takes them.
//
//   WireFields fields(bytes);
//   while (const auto field = fields.next()) {
//     if (field->number == 1) use(field->bytes());
//   }
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace dfm::encoders {

// All accessors throw a data error where the field is of another kind.
struct WireField {
  std::uint64_t number;
  std::uint64_t kind;
  std::uint64_t integer;     // of a varint
  std::string_view content;  // of all other kinds
  std::string_view whole;    // as it stands in the message

  std::uint64_t varint() const;
  std::string_view bytes() const;
  float real() const;
};

class WireFields {
 public:
  explicit WireFields(std::string_view message) : rest_(message) {}

  // Nothing at the end. Throws a data error where the message is cut off or is none.
  std::optional<WireField> next();

 private:
  WireField take_field();
  std::uint64_t take_varint();
  std::string_view take(std::uint64_t size);

  std::string_view rest_;
};

}  // namespace dfm::encoders
