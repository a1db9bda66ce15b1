// How far two words are apart: for suggestions after a misspelling.
#pragma once

#include <cstddef>
#include <string_view>

namespace dfm {

// Levenshtein's distance: bytes that are inserted, removed or replaced.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace dfm
