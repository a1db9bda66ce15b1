// Text that comes from outside: is it UTF-8, and how can it be shown?
#pragma once

#include <string>
#include <string_view>

namespace dfm {

// As RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

// Throws a data error where the text is not UTF-8.
std::u32string decode_utf8(std::string_view text);

// For messages: control characters, and every byte above 0x7F where the text is not UTF-8, become \xNN; at
// most 1,000 bytes of the text.
std::string printable(std::string_view text);

// Without the byte order mark that some programs put in front.
std::string_view without_bom(std::string_view text);

// Without white space at both ends.
std::string_view trimmed(std::string_view text);

}  // namespace dfm
