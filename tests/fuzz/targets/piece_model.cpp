// SentencePiece models: what is let through to the library of that name must not bring it down.
#include "core/error.h"
#include "encoders/tokenizer.h"
#include "fuzz/fuzz.h"

FUZZ_TARGET(piece_model) {
  using namespace std::string_view_literals;
  const auto path = dfm::fuzz::write_input("spiece.model", dfm::fuzz::text_of(input));
  const dfm::encoders::Tokenizer tokenizer(path.parent_path());
  for (const auto caption : {""sv, "a red Cube ab abc"sv, " \xFF\xE2\x96\x81 \xEF\xAC\x81 \0 b"sv}) {
    const auto ids = tokenizer.encode(caption, 20);
    dfm::ensure(!ids.empty() && ids.size() <= 20, "a caption has an end and a limit");
    for (const auto id : ids) dfm::ensure(id >= 0 && id < tokenizer.size(), "ids are those of pieces");
  }
}
