#include "media/image_writer.h"

#include <algorithm>

#include "core/error.h"
#include "media/frame.h"
#include "media/libav.h"

extern "C" {
#include <libavutil/opt.h>
}

namespace dfm::media {
namespace {

constexpr const char* kWhat = "cannot encode a PNG";

Owned<AVCodecContext> open_png_encoder(int width, int height) {
  const AVCodec* const codec = avcodec_find_encoder(AV_CODEC_ID_PNG);
  if (codec == nullptr) throw internal_error("this libavcodec cannot encode PNG");
  auto context = own(avcodec_alloc_context3(codec));
  context->width = width;
  context->height = height;
  context->pix_fmt = AV_PIX_FMT_RGB24;
  context->time_base = {1, 1};
  context->thread_count = 1;
  context->flags |= AV_CODEC_FLAG_BITEXACT;
  check(av_opt_set(context->priv_data, "pred", "paeth", 0), kWhat);
  check(avcodec_open2(context.get(), codec, nullptr), kWhat);
  return context;
}

}  // namespace

std::string encode_png(const Image& image) {
  const LogCapture log;
  const auto encoder = open_png_encoder(image.width, image.height);
  const auto packet = own(av_packet_alloc());
  check(avcodec_send_frame(encoder.get(), frame_from_image(image).get()), kWhat);
  check(avcodec_send_frame(encoder.get(), nullptr), kWhat);
  check(avcodec_receive_packet(encoder.get(), packet.get()), kWhat);
  return {reinterpret_cast<const char*>(packet->data), static_cast<std::size_t>(packet->size)};
}

Image contact_sheet(const std::vector<Image>& pictures, int columns, int gap_pixels) {
  ensure(!pictures.empty() && columns > 0 && gap_pixels >= 0, "contact_sheet: nothing to show, or nowhere");
  const int cell_width = std::ranges::max(pictures, {}, &Image::width).width;
  const int cell_height = std::ranges::max(pictures, {}, &Image::height).height;
  const auto count = static_cast<int>(pictures.size());
  const int used_columns = std::min(columns, count);
  const int rows = (count + columns - 1) / columns;
  Image sheet = make_image(gap_pixels + used_columns * (cell_width + gap_pixels),
                           gap_pixels + rows * (cell_height + gap_pixels));
  std::ranges::fill(sheet.rgb, 255);
  for (int i = 0; i < count; ++i) {
    const Image& picture = pictures[static_cast<std::size_t>(i)];
    const int left = gap_pixels + i % columns * (cell_width + gap_pixels) + (cell_width - picture.width) / 2;
    const int top =
        gap_pixels + i / columns * (cell_height + gap_pixels) + (cell_height - picture.height) / 2;
    paste(sheet, picture, left, top);
  }
  return sheet;
}

}  // namespace dfm::media
