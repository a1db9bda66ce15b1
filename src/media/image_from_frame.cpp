#include <cstring>
#include <vector>

#include "core/error.h"
#include "media/frame.h"

extern "C" {
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
}

namespace dfm::media {
namespace {

const AVPixFmtDescriptor& description_of(const AVFrame& frame) {
  const AVPixFmtDescriptor* const format = av_pix_fmt_desc_get(format_of(frame));
  ensure(format != nullptr, "a frame has no pixel format");
  return *format;
}

bool has_alpha(const AVPixFmtDescriptor& format) { return (format.flags & AV_PIX_FMT_FLAG_ALPHA) != 0; }

// Deeper than 8 bits and not YUV: swscale would dither these, so each component is read and rounded by
// itself.
bool is_deep(const AVPixFmtDescriptor& format) {
  const bool is_yuv = (format.flags & AV_PIX_FMT_FLAG_RGB) == 0 && format.nb_components >= 3;
  return format.comp[0].depth > 8 && !is_yuv;
}

void round_component(const AVFrame& deep, int component, AVFrame& rgba, int channel) {
  const AVPixFmtDescriptor& format = description_of(deep);
  const std::uint32_t largest = (1U << static_cast<unsigned>(format.comp[component].depth)) - 1;
  std::vector<std::uint16_t> line(static_cast<std::size_t>(deep.width));
  for (int y = 0; y < deep.height; ++y) {
    av_read_image_line(line.data(), const_cast<const std::uint8_t**>(deep.data), deep.linesize, &format, 0, y,
                       component, deep.width, 0);
    std::uint8_t* out = row_of(rgba, y) + channel;
    for (const std::uint16_t value : line) {
      *out = static_cast<std::uint8_t>((value * 255U + largest / 2) / largest);
      out += 4;
    }
  }
}

Owned<AVFrame> round_to_rgba(const AVFrame& deep) {
  const AVPixFmtDescriptor& format = description_of(deep);
  auto rgba = make_frame(deep.width, deep.height, AV_PIX_FMT_RGBA);
  std::memset(rgba->data[0], 255, static_cast<std::size_t>(rgba->linesize[0]) * rgba->height);
  const bool is_grey = format.nb_components < 3;
  for (int channel = 0; channel < 3; ++channel) round_component(deep, is_grey ? 0 : channel, *rgba, channel);
  if (has_alpha(format)) round_component(deep, format.nb_components - 1, *rgba, 3);
  return rgba;
}

bool has_small_chroma(const AVPixFmtDescriptor& format) {
  const bool is_planar = (format.flags & AV_PIX_FMT_FLAG_PLANAR) != 0;
  return is_planar && format.comp[0].depth == 8 && (format.log2_chroma_w > 0 || format.log2_chroma_h > 0);
}

void copy_plane(const AVFrame& source, AVFrame& target, int plane) {
  av_image_copy_plane(target.data[plane], target.linesize[plane], source.data[plane], source.linesize[plane],
                      source.width, source.height);
}

// One plane as a grey picture; it borrows the frame's memory.
Owned<AVFrame> grey_view(const AVFrame& frame, int plane, int width, int height) {
  auto view = own(av_frame_alloc());
  view->width = width;
  view->height = height;
  view->format = AV_PIX_FMT_GRAY8;
  view->data[0] = frame.data[plane];
  view->linesize[0] = frame.linesize[plane];
  return view;
}

// The same picture with chroma for every pixel. swscale, asked for RGB at once, puts chroma half a pixel too
// low, and at odd sizes takes the edge of the last pixel for the edge of the last chroma sample.
Owned<AVFrame> enlarge_chroma(const AVFrame& frame) {
  const AVPixFmtDescriptor& format = description_of(frame);
  const int chroma_width = AV_CEIL_RSHIFT(frame.width, format.log2_chroma_w);
  const int chroma_height = AV_CEIL_RSHIFT(frame.height, format.log2_chroma_h);
  const int width = chroma_width << format.log2_chroma_w;
  const int height = chroma_height << format.log2_chroma_h;
  auto full = make_frame(width, height, has_alpha(format) ? AV_PIX_FMT_YUVA444P : AV_PIX_FMT_YUV444P);
  for (const int plane : {1, 2}) {
    convert(*grey_view(frame, plane, chroma_width, chroma_height), *grey_view(*full, plane, width, height),
            SWS_BILINEAR);
  }
  copy_plane(frame, *full, 0);
  if (has_alpha(format)) copy_plane(frame, *full, 3);
  full->width = frame.width;
  full->height = frame.height;
  full->colorspace = frame.colorspace;
  full->color_range = frame.color_range;
  return full;
}

void flatten_row_over_white(const std::uint8_t* rgba, std::uint8_t* rgb, int width) {
  for (int x = 0; x < width; ++x, rgba += 4) {
    const int alpha = rgba[3];
    for (int channel = 0; channel < 3; ++channel) {
      *rgb++ = static_cast<std::uint8_t>((rgba[channel] * alpha + 255 * (255 - alpha) + 127) / 255);
    }
  }
}

// From RGB24 or RGBA.
Image copy_out(const AVFrame& frame) {
  Image image = make_image(frame.width, frame.height);
  const std::size_t row_bytes = 3 * static_cast<std::size_t>(frame.width);
  for (int y = 0; y < frame.height; ++y) {
    std::uint8_t* const row = image.rgb.data() + static_cast<std::size_t>(y) * row_bytes;
    if (frame.format == AV_PIX_FMT_RGBA) {
      flatten_row_over_white(row_of(frame, y), row, frame.width);
    } else {
      std::memcpy(row, row_of(frame, y), row_bytes);
    }
  }
  return image;
}

Image convert_to_image(const AVFrame& frame) {
  const auto target = make_frame(frame.width, frame.height,
                                 has_alpha(description_of(frame)) ? AV_PIX_FMT_RGBA : AV_PIX_FMT_RGB24);
  convert(frame, *target, SWS_BILINEAR);
  return copy_out(*target);
}

}  // namespace

Image image_from_frame(const AVFrame& frame) {
  const AVPixFmtDescriptor& format = description_of(frame);
  if (is_deep(format)) return copy_out(*round_to_rgba(frame));
  if (has_small_chroma(format)) return convert_to_image(*enlarge_chroma(frame));
  return convert_to_image(frame);
}

}  // namespace dfm::media
