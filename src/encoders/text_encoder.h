// Text encoders: a caption to the rows that cross-attention reads.
//
//   const TextEncoder encoder = make_text_encoder({"umt5:/models/wan", 512}, {at::kBFloat16, device});
//   const Array rows = encoder.encode("a blue butterfly");     // [rows, width] float16
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/array.h"
#include "encoders/placed.h"

namespace dfm::encoders {

struct TextEncoder {
  std::int64_t width;
  std::function<Array(const std::string&)> encode;  // -> [rows, width] float16, at least one row
  std::string fingerprint;                          // of what decides the rows, wherever its weights lie
};

struct TextEncoderChoice {
  std::string name;              // encoders.text
  std::int64_t most_rows = 512;  // encoders.text_length
};

// Throws a usage error for an encoder that is not known, a data error for weights that are not such an
// encoder's.
TextEncoder make_text_encoder(const TextEncoderChoice& choice, const Placed& placed);

// Of the rows, without its weights.
std::int64_t text_width(const std::string& name);

}  // namespace dfm::encoders
