#include "encoders/encoder_name.h"

namespace dfm::encoders {

EncoderName parse_encoder_name(const std::string& name) {
  const std::size_t colon = name.find(':');
  if (colon == std::string::npos) return {name, {}};
  return {name.substr(0, colon), name.substr(colon + 1)};
}

}  // namespace dfm::encoders
