#include "encoders/codec.h"

#include <algorithm>
#include <cstring>

#include <fmt/core.h>

#include "core/error.h"
#include "encoders/dct_codec.h"
#include "encoders/encoder_name.h"
#include "encoders/wan_codec.h"

namespace dfm::encoders {
namespace {

Error unknown_codec(const std::string& name) {
  return usage_error(fmt::format("codec '{}' is not known", name), "use dct, or wan:DIR");
}

}  // namespace

Codec make_codec(const std::string& name, const Placed& placed) {
  const EncoderName parsed = parse_encoder_name(name);
  if (name == "dct") return dct_codec();
  if (parsed.kind == "wan") {
    Codec codec = wan_codec(parsed.folder, placed);
    codec.fingerprint += precision_in_fingerprint(placed.dtype);
    return codec;
  }
  throw unknown_codec(name);
}

CodecShape codec_shape(const std::string& name) {
  if (name == "dct") return kDctShape;
  const EncoderName parsed = parse_encoder_name(name);
  if (parsed.kind == "wan") return wan_codec_shape(parsed.folder);
  throw unknown_codec(name);
}

std::int64_t latent_frames(std::int64_t frames) {
  if (frames >= 1 && (frames - 1) % kFramesInLatent == 0) return 1 + (frames - 1) / kFramesInLatent;
  throw usage_error(
      fmt::format("{} frames cannot be encoded: the codec takes 4n + 1 of them", frames),
      fmt::format("use {} frames",
                  std::max<std::int64_t>(1, (frames - 1) / kFramesInLatent * kFramesInLatent + 1)));
}

Array first_latent_frame(const Array& latent) {
  ensure(latent.shape.size() == 4 && latent.shape[1] >= 1, "a latent is [C, T, H, W]");
  Array first = make_array(latent.dtype, {latent.shape[0], 1, latent.shape[2], latent.shape[3]});
  const std::size_t of_channel = latent.bytes.size() / static_cast<std::size_t>(latent.shape[0]),
                    of_frame = of_channel / static_cast<std::size_t>(latent.shape[1]);
  for (std::size_t channel = 0; channel < static_cast<std::size_t>(latent.shape[0]); ++channel)
    std::memcpy(&first.bytes[channel * of_frame], &latent.bytes[channel * of_channel], of_frame);
  return first;
}

}  // namespace dfm::encoders
