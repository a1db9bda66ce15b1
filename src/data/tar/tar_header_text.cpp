#include "data/tar/tar_header_text.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace dfm::data {
namespace {

constexpr std::size_t kLongestName = 100;
constexpr std::uint64_t kLargestSize = (std::uint64_t{1} << 33U) - 1;  // eleven octal digits

// Octal digits, as many as the field has but for the last `unused` bytes.
void put_octal(char* field, int digits, std::uint64_t value) {
  for (int i = digits - 1; i >= 0; --i, value /= 8) field[i] = static_cast<char>('0' + value % 8);
}

// The block of a file that nothing is known of but its kind; what never changes is made once.
struct Blank {
  char bytes[kTarBlockBytes] = {};
  Blank() {
    for (const int number : {108, 116, 329, 337})
      std::memcpy(bytes + number, "000000 ", 8);  // user, group, device
    std::memcpy(bytes + 100, "000444 ", 8);
    std::memcpy(bytes + 124, "00000000000 ", 12);
    std::memcpy(bytes + 136, "00000000000 ", 12);
    std::memcpy(bytes + 257, "ustar\00000", 8);
  }
};

void append_block(std::string& out, std::string_view name, std::uint64_t size_bytes, char type) {
  static const Blank blank;
  const std::size_t at = out.size();
  out.append(blank.bytes, kTarBlockBytes);
  char* const block = out.data() + at;
  std::ranges::copy(name.substr(0, kLongestName), block);
  put_octal(block + 124, 11, size_bytes);
  block[156] = type;
  std::uint64_t sum = 8 * std::uint64_t{' '};
  for (std::size_t i = 0; i < kTarBlockBytes; ++i) sum += static_cast<unsigned char>(block[i]);
  put_octal(block + 148, 6, sum);
  block[154] = '\0';
  block[155] = ' ';
}

// "LENGTH KEY=VALUE\n", where the length counts itself.
std::string pax_record(std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest;
  while (length != rest + fmt::formatted_size("{}", length))
    length = rest + fmt::formatted_size("{}", length);
  return fmt::format("{} {}={}\n", length, key, value);
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

void append_tar_header(std::string& out, std::string_view name, std::uint64_t size_bytes) {
  std::string records;
  if (name.size() > kLongestName || !is_ascii(name)) records += pax_record("path", name);
  if (size_bytes > kLargestSize) records += pax_record("size", std::to_string(size_bytes));
  if (!records.empty()) {
    append_block(out, "PaxHeader", records.size(), 'x');
    out += records;
    out.append(tar_padding(records.size()), '\0');
  }
  append_block(out, name, std::min(size_bytes, kLargestSize), '0');
}

}  // namespace dfm::data
