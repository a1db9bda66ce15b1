// UTF-8 text to code points.
#pragma once

#include <string>
#include <string_view>

namespace dfm::data {

// True for well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

// Throws a data error where the text is not UTF-8.
std::u32string decode_utf8(std::string_view text);

}  // namespace dfm::data
