#include "media/video_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include <fmt/core.h>

#include "core/error.h"
#include "media/frame.h"
#include "media/image_orientation.h"
#include "media/libav.h"

namespace dfm::media {
namespace {

constexpr int kBufferBytes = 1 << 16;

struct FreeIo {
  void operator()(AVIOContext* io) const {
    av_freep(&io->buffer);
    avio_context_free(&io);
  }
};
struct CloseInput {
  void operator()(AVFormatContext* input) const { avformat_close_input(&input); }
};

// Bytes in memory as libavformat reads them.
class MemoryInput {
 public:
  explicit MemoryInput(std::span<const std::byte> bytes) : bytes_(bytes) {
    auto* const buffer = static_cast<unsigned char*>(av_malloc(kBufferBytes));
    if (buffer == nullptr) throw std::bad_alloc();
    io_.reset(avio_alloc_context(buffer, kBufferBytes, 0, this, read, nullptr, seek));
    if (!io_) throw std::bad_alloc();
  }
  MemoryInput(const MemoryInput&) = delete;  // libavformat keeps a pointer
  MemoryInput& operator=(const MemoryInput&) = delete;
  ~MemoryInput() = default;

  AVIOContext* io() const { return io_.get(); }

 private:
  static int read(void* self, std::uint8_t* out, int size) {
    auto& input = *static_cast<MemoryInput*>(self);
    const auto rest = input.bytes_.subspan(input.position_);
    const std::size_t count = std::min(rest.size(), static_cast<std::size_t>(size));
    if (count == 0) return AVERROR_EOF;
    std::memcpy(out, rest.data(), count);
    input.position_ += count;
    return static_cast<int>(count);
  }
  static std::int64_t seek(void* self, std::int64_t offset, int whence) {
    auto& input = *static_cast<MemoryInput*>(self);
    const auto size = static_cast<std::int64_t>(input.bytes_.size());
    if ((whence & AVSEEK_SIZE) != 0) return size;
    const auto here = static_cast<std::int64_t>(input.position_);
    const std::int64_t target = offset + (whence == SEEK_CUR ? here : whence == SEEK_END ? size : 0);
    if (target < 0 || target > size) return AVERROR(EINVAL);
    input.position_ = static_cast<std::size_t>(target);
    return target;
  }

  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;
  std::unique_ptr<AVIOContext, FreeIo> io_;
};

class VideoDecoder {
 public:
  VideoDecoder(std::span<const std::byte> bytes, std::string_view what) : what_(what), memory_(bytes) {
    AVFormatContext* context = own_context();
    check(avformat_open_input(&context, nullptr, nullptr, nullptr), what_);  // frees it where it fails
    input_.reset(context);
    check(avformat_find_stream_info(context, nullptr), what_);
    stream_ = av_find_best_stream(context, AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
    if (stream_ < 0) throw data_error(fmt::format("{} holds no video", what_));
    open_decoder();
  }

  std::int64_t run(const std::function<void(Image)>& visit) {
    const auto packet = own(av_packet_alloc());
    int status = 0;
    while ((status = av_read_frame(input_.get(), packet.get())) >= 0) {
      if (packet->stream_index == stream_) decode(packet.get(), visit);
      av_packet_unref(packet.get());
    }
    if (status != AVERROR_EOF) check(status, what_);
    decode(nullptr, visit);
    refuse_missing_frames();
    return frames_;
  }

 private:
  AVFormatContext* own_context() const {
    AVFormatContext* const context = avformat_alloc_context();
    if (context == nullptr) throw std::bad_alloc();
    context->pb = memory_.io();
    context->flags |= AVFMT_FLAG_CUSTOM_IO;
    return context;
  }

  void open_decoder() {
    const AVCodecParameters& parameters = *input_->streams[stream_]->codecpar;
    const AVCodec* const codec = avcodec_find_decoder(parameters.codec_id);
    if (codec == nullptr) {
      throw data_error(
          fmt::format("{}: this libavcodec cannot decode {}", what_, avcodec_get_name(parameters.codec_id)));
    }
    decoder_ = own(avcodec_alloc_context3(codec));
    check(avcodec_parameters_to_context(decoder_.get(), &parameters), what_);
    decoder_->max_pixels = kMostPixels;
    decoder_->thread_count = 1;
    decoder_->flags |= AV_CODEC_FLAG_BITEXACT;
    decoder_->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER | AV_EF_EXPLODE;
    check(avcodec_open2(decoder_.get(), codec, nullptr), what_);
  }

  void decode(const AVPacket* packet, const std::function<void(Image)>& visit) {
    check(avcodec_send_packet(decoder_.get(), packet), what_);
    const auto frame = own(av_frame_alloc());
    for (;;) {
      const int status = avcodec_receive_frame(decoder_.get(), frame.get());
      if (status == AVERROR(EAGAIN) || status == AVERROR_EOF) return;
      check(status, what_);
      take(*frame, visit);
      av_frame_unref(frame.get());
    }
  }

  void take(AVFrame& frame, const std::function<void(Image)>& visit) {
    if (frames_ == 0) {
      width_ = frame.width;
      height_ = frame.height;
    } else if (frame.width != width_ || frame.height != height_) {
      throw data_error(fmt::format("{} changes its size from {} x {} to {} x {}", what_, width_, height_,
                                   frame.width, frame.height));
    }
    add_display_matrix(frame);
    ++frames_;
    visit(turn_upright(image_from_frame(frame), frame));
  }

  // What the container says of the whole stream, where the frame does not say it itself.
  void add_display_matrix(AVFrame& frame) const {
    if (av_frame_get_side_data(&frame, AV_FRAME_DATA_DISPLAYMATRIX) != nullptr) return;
    std::size_t size = 0;
    const std::uint8_t* const matrix =
        av_stream_get_side_data(input_->streams[stream_], AV_PKT_DATA_DISPLAYMATRIX, &size);
    if (matrix == nullptr) return;
    AVFrameSideData* const added = av_frame_new_side_data(&frame, AV_FRAME_DATA_DISPLAYMATRIX, size);
    if (added == nullptr) throw std::bad_alloc();
    std::memcpy(added->data, matrix, size);
  }

  void refuse_missing_frames() const {
    const std::int64_t announced = input_->streams[stream_]->nb_frames;
    if (frames_ == 0) throw data_error(fmt::format("{} has no frames", what_));
    if (frames_ >= announced) return;
    throw data_error(fmt::format("{} is cut short: {} of {} frames can be read", what_, frames_, announced),
                     "copy or make it again");
  }

  std::string what_;
  MemoryInput memory_;
  std::unique_ptr<AVFormatContext, CloseInput> input_;
  Owned<AVCodecContext> decoder_;
  int stream_ = -1;
  int width_ = 0, height_ = 0;
  std::int64_t frames_ = 0;
};

}  // namespace

std::int64_t for_each_frame(std::span<const std::byte> bytes, std::string_view what,
                            const std::function<void(Image)>& visit) {
  const LogCapture log;
  return VideoDecoder(bytes, what).run(visit);
}

}  // namespace dfm::media
