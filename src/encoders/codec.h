// Latent codecs: pictures and videos to latents of unit variance, and back. All have kFramesInLatent frames
// to a latent one behind the first, which stands alone.
//
//   const Codec codec = make_codec("wan:/models/wan", {at::kFloat, device});
//   const Array latent = codec.encode(frames);               // [C, T, H, W]
//   const std::vector<media::Image> again = codec.decode(latent);
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/array.h"
#include "encoders/placed.h"
#include "media/image.h"

namespace dfm::encoders {

inline constexpr std::int64_t kFramesInLatent = 4;

struct Codec {
  std::int64_t channels;
  std::int64_t spatial_stride;  // pixels a latent cell
  // Frames of one size, whose edges are multiples of the stride, 1 + 4n of them -> [C, T, H, W] float32.
  std::function<Array(const std::vector<media::Image>&)> encode;
  // [C, T, H, W] float32 -> 1 + 4 (T - 1) frames.
  std::function<std::vector<media::Image>(const Array&)> decode;
  std::string fingerprint;  // of what decides the latents, wherever its weights lie
};

// By name (encoders.codec). Throws a usage error for a codec that is not known, a data error for weights that
// are not such a codec's.
Codec make_codec(const std::string& name, const Placed& placed);

// The same without its weights.
struct CodecShape {
  std::int64_t channels, spatial_stride;
};
CodecShape codec_shape(const std::string& name);

// Latent frames of a video; throws a usage error unless frames is 4n + 1.
std::int64_t latent_frames(std::int64_t frames);

// Of a latent [C, T, H, W], what the first picture is decoded from: [C, 1, H, W].
Array first_latent_frame(const Array& latent);

}  // namespace dfm::encoders
