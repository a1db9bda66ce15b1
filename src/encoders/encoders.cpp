#include "encoders/encoders.h"

namespace dfm::encoders {

Encoders open_encoders(const EncoderSettings& chosen, const at::Device& device) {
  const Placed placed{chosen.dtype, device};
  return {make_codec(chosen.codec, placed), make_text_encoder(chosen.text, placed)};
}

}  // namespace dfm::encoders
