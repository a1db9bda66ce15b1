// Between libav's frames and Image, with the same bits on every machine.
#pragma once

#include <cstddef>
#include <cstdint>

#include "media/image.h"
#include "media/libav.h"

namespace dfm::media {

inline AVPixelFormat format_of(const AVFrame& frame) { return static_cast<AVPixelFormat>(frame.format); }

inline std::uint8_t* row_of(const AVFrame& frame, int y, int plane = 0) {
  return frame.data[plane] + std::ptrdiff_t{y} * frame.linesize[plane];
}

// Fills `target` (its size, pixel format and, where set, colour matrix say how) from `source` with swscale;
// `filter` is one of its SWS_BILINEAR, SWS_AREA, ... On one thread and with its bit-exact code: neither the
// processor nor the number of threads changes a bit.
void convert(const AVFrame& source, AVFrame& target, int filter);

// Any pixel format. Grey becomes three equal channels, 16 bits are rounded to 8, chroma is interpolated
// linearly from the middle of its pixels, and what is transparent shows white, as on a page.
Image image_from_frame(const AVFrame& frame);

// RGB24.
Owned<AVFrame> frame_from_image(const Image& image);

}  // namespace dfm::media
