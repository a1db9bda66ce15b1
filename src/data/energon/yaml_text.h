// Texts as PyYAML writes them into a list: plain where that is safe, else in single quotes, else in double
// quotes with escapes, folded at column 80. The reference's files are compared byte for byte.
#pragma once

#include <string>
#include <string_view>

namespace dfm::data {

// One item of a list that is indented by `indent` columns: "  - 'a: b.tar'\n" for 2. The text must be UTF-8,
// and one that no YAML reader takes for a number, a truth value or null when it stands alone: names of shards
// end in .tar.
//
// Differs from PyYAML in texts with line breaks: they are written in double quotes here.
std::string yaml_list_item(std::string_view text, std::size_t indent);

// The text as a key of a map, on one line.
std::string yaml_key(std::string_view text);

}  // namespace dfm::data
