// The text encoder that needs no weights: each word gives one row, a fixed standard normal vector keyed by
// the word's hash, rounded to float16 as the shards store it. It knows words, not meaning. Words are runs of
// letters, digits and non-ASCII bytes, in lower case.
#pragma once

#include "encoders/text_encoder.h"

namespace dfm::encoders {

inline constexpr std::int64_t kHashWidth = 1024;

TextEncoder hash_encoder(std::int64_t most_rows);

}  // namespace dfm::encoders
