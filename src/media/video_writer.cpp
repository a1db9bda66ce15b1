#include "media/video_writer.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "core/error.h"
#include "core/file.h"
#include "media/frame.h"
#include "media/libav.h"

extern "C" {
#include <libavutil/opt.h>
}

namespace dfm::media {
namespace {

constexpr const char* kWhat = "cannot encode a video";

// An output of libavformat that grows in memory.
class MemoryOutput {
 public:
  MemoryOutput() { check(avio_open_dyn_buf(&context_), kWhat); }
  ~MemoryOutput() { take(); }
  MemoryOutput(const MemoryOutput&) = delete;
  MemoryOutput& operator=(const MemoryOutput&) = delete;

  AVIOContext* get() const { return context_; }
  std::string take() {
    if (context_ == nullptr) return {};
    std::uint8_t* bytes = nullptr;
    const int count = avio_close_dyn_buf(std::exchange(context_, nullptr), &bytes);
    const std::unique_ptr<std::uint8_t, void (*)(void*)> owner(bytes, av_free);
    return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(count)};
  }

 private:
  AVIOContext* context_ = nullptr;
};

const AVCodec* find_encoder(VideoCodec codec) {
  return codec == VideoCodec::h264 ? avcodec_find_encoder_by_name("libx264")
                                   : avcodec_find_encoder(AV_CODEC_ID_MPEG4);
}

void set_quality(AVCodecContext& context, VideoCodec codec) {
  if (codec == VideoCodec::h264) {
    check(av_opt_set(context.priv_data, "crf", "16", 0), kWhat);
  } else {
    context.flags |= AV_CODEC_FLAG_QSCALE;
    context.global_quality = 2 * FF_QP2LAMBDA;
  }
}

Owned<AVCodecContext> open_encoder(VideoCodec codec, int width, int height, int frames_per_second) {
  const AVCodec* const encoder = find_encoder(codec);
  if (encoder == nullptr) throw internal_error("this libavcodec lacks the chosen video encoder");
  auto context = own(avcodec_alloc_context3(encoder));
  context->width = width;
  context->height = height;
  context->pix_fmt = AV_PIX_FMT_YUV420P;
  context->time_base = {1, frames_per_second};
  context->framerate = {frames_per_second, 1};
  context->color_range = AVCOL_RANGE_MPEG;
  context->colorspace = AVCOL_SPC_BT709;
  context->color_primaries = AVCOL_PRI_BT709;
  context->color_trc = AVCOL_TRC_BT709;
  context->thread_count = 1;
  context->flags |= AV_CODEC_FLAG_BITEXACT | AV_CODEC_FLAG_GLOBAL_HEADER;
  set_quality(*context, codec);
  check(avcodec_open2(context.get(), encoder, nullptr), kWhat);
  return context;
}

Owned<AVFormatContext> open_muxer(const AVCodecContext& encoder, const MemoryOutput& output) {
  AVFormatContext* context = nullptr;
  check(avformat_alloc_output_context2(&context, nullptr, "mp4", nullptr), kWhat);
  Owned<AVFormatContext> muxer(context);
  muxer->pb = output.get();
  muxer->flags |= AVFMT_FLAG_BITEXACT | AVFMT_FLAG_CUSTOM_IO;
  AVStream* const stream = avformat_new_stream(muxer.get(), nullptr);
  if (stream == nullptr) throw std::bad_alloc();
  stream->time_base = encoder.time_base;
  stream->avg_frame_rate = encoder.framerate;
  check(avcodec_parameters_from_context(stream->codecpar, &encoder), kWhat);
  check(avformat_write_header(muxer.get(), nullptr), kWhat);
  return muxer;
}

void write_ready_packets(AVCodecContext& encoder, AVFormatContext& muxer) {
  const auto packet = own(av_packet_alloc());
  for (;;) {
    const int status = avcodec_receive_packet(&encoder, packet.get());
    if (status == AVERROR(EAGAIN) || status == AVERROR_EOF) return;
    check(status, kWhat);
    packet->duration = 1;
    av_packet_rescale_ts(packet.get(), encoder.time_base, muxer.streams[0]->time_base);
    check(av_interleaved_write_frame(&muxer, packet.get()), kWhat);
  }
}

Image double_odd_sides(const Image& image) {
  const int right = image.width % 2;
  const int down = image.height % 2;
  Image even = make_image(image.width + right, image.height + down);
  paste(even, image, right, down);
  paste(even, image, right, 0);
  paste(even, image, 0, down);
  paste(even, image, 0, 0);
  return even;
}

Owned<AVFrame> yuv_frame(const Image& image, int index) {
  const auto rgb = frame_from_image(double_odd_sides(image));
  auto yuv = make_frame(rgb->width, rgb->height, AV_PIX_FMT_YUV420P);
  yuv->colorspace = AVCOL_SPC_BT709;
  yuv->color_range = AVCOL_RANGE_MPEG;
  yuv->pts = index;
  convert(*rgb, *yuv, SWS_AREA);
  return yuv;
}

void refuse_mixed_sizes(const std::vector<Image>& frames) {
  ensure(!frames.empty(), "a video has no frames");
  const bool one_size = std::ranges::all_of(frames, [&](const Image& frame) {
    return frame.width == frames.front().width && frame.height == frames.front().height;
  });
  ensure(one_size, "the frames of a video differ in size");
}

}  // namespace

VideoCodec best_video_codec() {
  return find_encoder(VideoCodec::h264) != nullptr ? VideoCodec::h264 : VideoCodec::mpeg4;
}

std::string encode_mp4(const std::vector<Image>& frames, int frames_per_second, VideoCodec codec) {
  refuse_mixed_sizes(frames);
  ensure(frames_per_second >= 1 && frames_per_second <= 1000, "a video's frame rate is out of range");
  const LogCapture log;
  const int width = frames.front().width + frames.front().width % 2;
  const int height = frames.front().height + frames.front().height % 2;
  const auto encoder = open_encoder(codec, width, height, frames_per_second);
  MemoryOutput output;
  const auto muxer = open_muxer(*encoder, output);
  for (int i = 0; i < static_cast<int>(frames.size()); ++i) {
    check(avcodec_send_frame(encoder.get(), yuv_frame(frames[static_cast<std::size_t>(i)], i).get()), kWhat);
    write_ready_packets(*encoder, *muxer);
  }
  check(avcodec_send_frame(encoder.get(), nullptr), kWhat);
  write_ready_packets(*encoder, *muxer);
  check(av_write_trailer(muxer.get()), kWhat);
  return output.take();
}

void write_mp4(const std::filesystem::path& path, const std::vector<Image>& frames, int frames_per_second) {
  write_durably(path, encode_mp4(frames, frames_per_second, best_video_codec()));
}

}  // namespace dfm::media
