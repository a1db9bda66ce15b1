#include "media/frame.h"

#include <cstring>

#include <fmt/core.h>

#include "core/error.h"

extern "C" {
#include <libavutil/pixdesc.h>
}

namespace dfm::media {
namespace {

// swscale assumes BT.601 where nobody says otherwise.
void set_colour_matrices(SwsContext& scaler, const AVFrame& source, const AVFrame& target) {
  int* from = nullptr;
  int* to = nullptr;
  int from_full_range = 0, to_full_range = 0, brightness = 0, contrast = 0, saturation = 0;
  // Fails for conversions without YUV, which need no matrix.
  if (sws_getColorspaceDetails(&scaler, &from, &from_full_range, &to, &to_full_range, &brightness, &contrast,
                               &saturation) < 0) {
    return;
  }
  if (source.color_range == AVCOL_RANGE_JPEG) from_full_range = 1;
  sws_setColorspaceDetails(&scaler, sws_getCoefficients(source.colorspace), from_full_range,
                           sws_getCoefficients(target.colorspace), to_full_range, brightness, contrast,
                           saturation);
}

}  // namespace

void convert(const AVFrame& source, AVFrame& target, int filter) {
  static constexpr int kSameOnEveryMachine = SWS_ACCURATE_RND | SWS_BITEXACT;
  static constexpr int kChromaAtFullWidth = SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP;
  const Owned<SwsContext> scaler(sws_getContext(
      source.width, source.height, format_of(source), target.width, target.height, format_of(target),
      filter | kSameOnEveryMachine | kChromaAtFullWidth, nullptr, nullptr, nullptr));
  if (!scaler) {
    throw data_error(fmt::format("a picture of {} x {} ({}) cannot be converted to {} x {}: {}", source.width,
                                 source.height, av_get_pix_fmt_name(format_of(source)), target.width,
                                 target.height, LogCapture::last_error()));
  }
  set_colour_matrices(*scaler, source, target);
  check(sws_scale(scaler.get(), source.data, source.linesize, 0, source.height, target.data, target.linesize),
        "cannot convert a picture");
}

Owned<AVFrame> frame_from_image(const Image& image) {
  auto frame = make_frame(image.width, image.height, AV_PIX_FMT_RGB24);
  const std::size_t row_bytes = 3 * static_cast<std::size_t>(image.width);
  for (int y = 0; y < image.height; ++y) std::memcpy(row_of(*frame, y), &image.rgb[y * row_bytes], row_bytes);
  return frame;
}

}  // namespace dfm::media
