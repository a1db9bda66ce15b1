// How a codec or text encoder is named in the configuration: "dct", "wan:/models/Wan2.1-T2V-14B-Diffusers".
#pragma once

#include <filesystem>
#include <string>

namespace dfm::encoders {

struct EncoderName {
  std::string kind;
  std::filesystem::path folder;  // of its weights; empty: it needs none
};

// Cut at the first colon.
EncoderName parse_encoder_name(const std::string& name);

}  // namespace dfm::encoders
