#include "encoders/text_encoder.h"

#include <fmt/core.h>

#include "core/error.h"
#include "encoders/encoder_name.h"
#include "encoders/hash_encoder.h"

namespace dfm::encoders {
namespace {

Error unknown_text_encoder(const std::string& name) {
  return usage_error(fmt::format("text encoder '{}' is not known", name), "use hash, t5:DIR or umt5:DIR");
}

}  // namespace

TextEncoder make_text_encoder(const TextEncoderChoice& choice, const Placed&) {
  const EncoderName parsed = parse_encoder_name(choice.name);
  if (choice.name == "hash") return hash_encoder(choice.most_rows);
  throw unknown_text_encoder(choice.name);
}

std::int64_t text_width(const std::string& name) {
  if (name == "hash") return kHashWidth;
  throw unknown_text_encoder(name);
}

}  // namespace dfm::encoders
