#include "media/image_reader.h"

#include <array>
#include <string>

#include <fmt/core.h>

#include "core/error.h"
#include "media/frame.h"
#include "media/image_ending.h"
#include "media/image_orientation.h"
#include "media/libav.h"

namespace dfm::media {
namespace {

using namespace std::string_view_literals;

struct Format {
  std::string_view name;
  AVCodecID codec;
  std::string_view magic;
  std::string_view magic_at_8;
};

constexpr std::array kFormats = {
    Format{"PNG", AV_CODEC_ID_PNG, "\x89PNG\r\n\x1A\n"sv, ""},
    Format{"JPEG", AV_CODEC_ID_MJPEG, "\xFF\xD8\xFF"sv, ""},
    Format{"WebP", AV_CODEC_ID_WEBP, "RIFF"sv, "WEBP"},
    Format{"GIF", AV_CODEC_ID_GIF, "GIF87a"sv, ""},
    Format{"GIF", AV_CODEC_ID_GIF, "GIF89a"sv, ""},
    Format{"TIFF", AV_CODEC_ID_TIFF, "II*\0"sv, ""},
    Format{"TIFF", AV_CODEC_ID_TIFF, "MM\0*"sv, ""},
    Format{"BMP", AV_CODEC_ID_BMP, "BM"sv, ""},
};

const Format& recognise(std::string_view bytes, std::string_view what) {
  for (const Format& format : kFormats) {
    const std::size_t later = format.magic_at_8.empty() ? 0 : 8;
    if (bytes.starts_with(format.magic) && bytes.size() >= later &&
        bytes.substr(later).starts_with(format.magic_at_8)) {
      return format;
    }
  }
  throw data_error(fmt::format("{} is none of PNG, JPEG, WebP, BMP, TIFF and GIF", what));
}

Owned<AVCodecContext> open_decoder(const Format& format, std::string_view what) {
  const AVCodec* const codec = avcodec_find_decoder(format.codec);
  if (codec == nullptr)
    throw data_error(fmt::format("{}: this libavcodec cannot decode {}", what, format.name));
  auto context = own(avcodec_alloc_context3(codec));
  context->max_pixels = kMostPixels;
  context->thread_count = 1;
  context->flags |= AV_CODEC_FLAG_BITEXACT;
  // Damage is an error, not something to paint over.
  context->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER | AV_EF_EXPLODE;
  check(avcodec_open2(context.get(), codec, nullptr), what);
  return context;
}

Owned<AVFrame> decode_first_frame(AVCodecContext& decoder, const AVPacket& packet, std::string_view what) {
  check(avcodec_send_packet(&decoder, &packet), what);
  check(avcodec_send_packet(&decoder, nullptr), what);
  auto frame = own(av_frame_alloc());
  check(avcodec_receive_frame(&decoder, frame.get()), what);
  return frame;
}

// Some decoders report damage in the log alone. (The JPEG decoder also logs errors in its metadata there,
// which do no harm; what matters it returns.)
void refuse_logged_damage(const Format& format, std::string_view what) {
  if (format.codec == AV_CODEC_ID_MJPEG || LogCapture::last_error().empty()) return;
  throw data_error(fmt::format("{} is a damaged {}: {}", what, format.name, LogCapture::last_error()));
}

void refuse_animation(const Format& format, std::string_view bytes, std::string_view what) {
  static constexpr std::size_t kFlagsOffset = 20;
  static constexpr unsigned kAnimation = 2;
  if (format.codec != AV_CODEC_ID_WEBP || bytes.substr(12, 4) != "VP8X" || bytes.size() <= kFlagsOffset)
    return;
  if ((static_cast<unsigned char>(bytes[kFlagsOffset]) & kAnimation) == 0) return;
  throw data_error(fmt::format("{} is an animated WebP, which libavcodec cannot read", what),
                   "extract one picture");
}

void refuse_missing_end(const Format& format, std::span<const std::byte> bytes, std::string_view what) {
  const bool jpeg_was_cut = format.codec == AV_CODEC_ID_MJPEG && !jpeg_has_end(bytes);
  const bool gif_was_cut = format.codec == AV_CODEC_ID_GIF && !gif_has_first_picture(bytes);
  if (!jpeg_was_cut && !gif_was_cut) return;
  throw data_error(fmt::format("{} is cut short: its {} data has no end", what, format.name),
                   "copy or make it again");
}

}  // namespace

Image decode_image(std::span<const std::byte> bytes, std::string_view what) {
  const LogCapture log;
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const Format& format = recognise(text, what);
  refuse_animation(format, text, what);
  refuse_missing_end(format, bytes, what);
  const auto decoder = open_decoder(format, what);
  const auto frame = decode_first_frame(*decoder, *make_packet(bytes, what), what);
  refuse_logged_damage(format, what);
  return turn_upright(image_from_frame(*frame), *frame);
}

}  // namespace dfm::media
