// A codec and a text encoder, as a run has them.
//
//   const Encoders encoders = open_encoders(encoder_settings(config), device);
#pragma once

#include "encoders/codec.h"
#include "encoders/encoder_settings.h"
#include "encoders/text_encoder.h"

namespace dfm::encoders {

struct Encoders {
  Codec codec;
  TextEncoder text;
};

// Reads the weights of those that have some. Throws what make_codec and make_text_encoder do.
Encoders open_encoders(const EncoderSettings& chosen, const at::Device& device);

}  // namespace dfm::encoders
