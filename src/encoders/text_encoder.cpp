#include "encoders/text_encoder.h"

#include <fmt/core.h>

#include "core/error.h"
#include "encoders/encoder_name.h"
#include "encoders/hash_encoder.h"
#include "encoders/t5_encoder.h"
#include "encoders/t5_shape.h"

namespace dfm::encoders {
namespace {

Error unknown_text_encoder(const std::string& name) {
  return usage_error(fmt::format("text encoder '{}' is not known", name), "use hash, t5:DIR or umt5:DIR");
}

bool is_t5(const EncoderName& name) { return name.kind == "t5" || name.kind == "umt5"; }

T5Shape shape_of(const EncoderName& name) {
  T5Shape shape = t5_shape(PretrainedConfig(folder_of_part(name.folder, "text_encoder")));
  if (shape.kind == name.kind) return shape;
  throw usage_error(
      fmt::format("the text encoder in {} is no {}, but {}", name.folder.native(), name.kind, shape.kind),
      fmt::format("use {}:{}", shape.kind, name.folder.native()));
}

TextEncoder open_text_encoder(const TextEncoderChoice& choice, const Placed& placed) {
  const EncoderName parsed = parse_encoder_name(choice.name);
  if (choice.name == "hash") return hash_encoder(choice.most_rows);
  if (!is_t5(parsed)) throw unknown_text_encoder(choice.name);
  shape_of(parsed);
  TextEncoder encoder = t5_encoder(parsed.folder, placed, choice.most_rows);
  encoder.fingerprint += precision_in_fingerprint(placed.dtype);
  return encoder;
}

}  // namespace

TextEncoder make_text_encoder(const TextEncoderChoice& choice, const Placed& placed) {
  TextEncoder encoder = open_text_encoder(choice, placed);
  if (choice.most_rows != TextEncoderChoice{}.most_rows)
    encoder.fingerprint += fmt::format(" {} rows", choice.most_rows);
  return encoder;
}

std::int64_t text_width(const std::string& name) {
  const EncoderName parsed = parse_encoder_name(name);
  if (name == "hash") return kHashWidth;
  if (!is_t5(parsed)) throw unknown_text_encoder(name);
  return shape_of(parsed).width;
}

}  // namespace dfm::encoders
