// What a SentencePiece model (spiece.model) must hold before the library of that name, which trusts it, takes
// it: of the kind unigram, as T5's are; pieces and replacements that are UTF-8 and short; numbers that are
// finite.
#pragma once

#include <string_view>

namespace dfm::encoders {

// Throws a data error that says what is wrong, without the name of the file.
void check_piece_model(std::string_view model);

}  // namespace dfm::encoders
