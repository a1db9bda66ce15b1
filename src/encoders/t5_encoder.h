// The text encoders T5 (v1.0 and v1.1) and UMT5 as Hugging Face saves them: a caption to one row a token, the
// end token included. There are no rows of padding.
//
//   const TextEncoder encoder = t5_encoder("umt5-xxl", {at::kBFloat16, device}, 512);
//   const Array rows = encoder.encode("a red cube on a table");  // [rows, encoder.width] float16
//
// The folder is that of a pipeline, with text_encoder/ and tokenizer/ in it, or one with config.json, weights
// and spiece.model. Captions are taken as they are (encoders/tokenizer.h).
#pragma once

#include <cstdint>
#include <filesystem>

#include "encoders/placed.h"
#include "encoders/text_encoder.h"

namespace dfm::encoders {

// Computes in float32 or bfloat16: T5's values do not fit into float16. A caption of more tokens than
// most_rows keeps the first, and the end token. Throws a usage error for a folder without the files, a data
// error for damaged ones; encode throws a data error for numbers that are not finite.
TextEncoder t5_encoder(const std::filesystem::path& dir, const Placed& placed, std::int64_t most_rows);

}  // namespace dfm::encoders
