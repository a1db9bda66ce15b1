// The table by which a SentencePiece model normalises characters (precompiled_charsmap): a double-array trie
// (Darts-clone) from UTF-8 to places in a text of replacements, each ended by a zero byte.
//
// SentencePiece follows it without looking where it leads. check_character_map throws a data error unless
// every walk through the trie stays in it and ends at a short replacement in UTF-8.
#pragma once

#include <string_view>

namespace dfm::encoders {

void check_character_map(std::string_view map);

}  // namespace dfm::encoders
