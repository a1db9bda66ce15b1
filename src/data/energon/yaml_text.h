// Texts as PyYAML writes them into a list: plain where that is safe, else in single quotes, else in double
// quotes with escapes, folded at column 80. The reference's files are compared byte for byte.
#pragma once

#include <string>
#include <string_view>

namespace dfm::data {

// One item of a list that is indented by `indent` columns: "  - 'a: b.tar'\n" for 2. The text must be UTF-8.
// One that would be read as a number, a truth value, a date or null is put in quotes.
//
// Differs from PyYAML in texts with line breaks: they are written in double quotes here.
std::string yaml_list_item(std::string_view text, std::size_t indent);

// The text as a key of a map, on one line.
std::string yaml_key(std::string_view text);

// One entry of a map that is indented by `indent` columns: "  image: jpg\n" for 2.
std::string yaml_map_entry(std::string_view key, std::string_view value, std::size_t indent);

}  // namespace dfm::data
