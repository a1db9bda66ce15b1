// Which codec and text encoder a run has: section [encoders] of its configuration.
#pragma once

#include <string>

#include "config/config.h"
#include "encoders/text_encoder.h"

namespace dfm::encoders {

struct EncoderSettings {
  std::string codec;
  TextEncoderChoice text;
  at::ScalarType dtype = at::kFloat;

  bool have_weights() const;
};

// Throws a usage error for kinds that are not known, and for a folder that is missing where one is needed or
// given where none is. Looks at no file.
EncoderSettings encoder_settings(const Config& config);

// Of weights that were trained with these: where `config` says so, their folders lie elsewhere here, and they
// compute in another precision. Throws a usage error for another kind.
EncoderSettings for_this_place(EncoderSettings trained, const Config& config);

}  // namespace dfm::encoders
