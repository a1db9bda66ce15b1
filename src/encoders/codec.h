// Latent codecs: pictures and videos to latents of unit variance, and back (design section 1).
//
// `dct` needs no weights and has the geometry of the real VAEs (16 channels, 8 x 8 in space, 1 + (T - 1)/4 in
// time): per 8x8 block the orthonormal DCT of YCbCr, the 10 lowest luma and the 3 + 3 lowest chroma
// coefficients in zig-zag order, each divided by a fixed typical deviation; in time the first frame alone,
// then the mean of each four. Plain loops in a fixed order: the same bits on any number of threads.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/array.h"
#include "media/image.h"

namespace dfm::encoders {

struct Codec {
  std::int64_t channels;
  std::int64_t spatial_stride;  // pixels a latent cell
  // Frames of one size, whose edges are multiples of the stride, 1 + 4n of them -> [C, T, H, W] float32.
  std::function<Array(const std::vector<media::Image>&)> encode;
  // [C, T, H, W] float32 -> 1 + 4 (T - 1) frames.
  std::function<std::vector<media::Image>(const Array&)> decode;
};

// By name (encoders.codec); throws a usage error for a codec that is not known.
Codec make_codec(const std::string& name);

// Latent frames of a video; throws a usage error unless frames is 4n + 1.
std::int64_t latent_frames(std::int64_t frames);

}  // namespace dfm::encoders
