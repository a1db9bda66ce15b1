// What a SentencePiece model (spiece.model) must hold before the library of that name, which trusts it, takes
// it: of the kind unigram, as T5's are; pieces and replacements that are UTF-8 and short; numbers that are
// finite.
#pragma once

#include <string>
#include <string_view>

namespace dfm::encoders {

// The parts of a model that matter to encoding, for the library. What it would test itself with, and print
// about, is left out. Throws a data error that says what is wrong, without the name of the file.
std::string checked_piece_model(std::string_view model);

}  // namespace dfm::encoders
