// Text encoders: a caption to the rows that cross-attention reads.
//
// `hash` gives each word one row: a fixed standard normal vector keyed by the word's hash, rounded to float16
// as the shards store it. It knows words, not meaning. Words are runs of letters, digits and non-ASCII bytes,
// in lower case.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/array.h"

namespace dfm::encoders {

struct TextEncoder {
  std::int64_t width;
  std::function<Array(const std::string&)> encode;  // -> [rows, width] float16, at least one row
};

// By name (encoders.text); throws a usage error for an encoder that is not known.
TextEncoder make_text_encoder(const std::string& name);

}  // namespace dfm::encoders
