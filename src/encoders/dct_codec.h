// The codec that needs no weights and has the geometry of the real ones (design section 1): 16 channels,
// 8 x 8 in space, 1 + (T - 1)/4 in time. Per 8x8 block the orthonormal DCT of YCbCr, the 10 lowest luma and
// the 3 + 3 lowest chroma coefficients in zig-zag order, each divided by a fixed typical deviation; in time
// the first frame alone, then the mean of each four. Plain loops in a fixed order: the same bits on any
// number of threads.
#pragma once

#include "encoders/codec.h"

namespace dfm::encoders {

inline constexpr CodecShape kDctShape{.channels = 16, .spatial_stride = 8};

Codec dct_codec();

}  // namespace dfm::encoders
