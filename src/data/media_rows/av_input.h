// A sound or video in the middle of a file, opened with libav: its streams, packets and decoded frames.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>

#include "core/file.h"
#include "data/energon/shard_scan.h"
#include "data/media_rows/libav_library.h"

namespace dfm::data {

struct LibavDeleter {
  void operator()(AVFrame* frame) const { libav_library().av_frame_free(&frame); }
  void operator()(AVPacket* packet) const { libav_library().av_packet_free(&packet); }
  void operator()(AVCodecContext* context) const { libav_library().avcodec_free_context(&context); }
  void operator()(AVFormatContext* context) const { libav_library().avformat_close_input(&context); }
  void operator()(AVIOContext* io) const {
    libav_library().av_freep(&io->buffer);
    libav_library().avio_context_free(&io);
  }
};
template <class T>
using OwnedAv = std::unique_ptr<T, LibavDeleter>;

// Throws a data error where the bytes are no sound or video, a storage error where they cannot be read.
class AvInput {
 public:
  AvInput(const File& file, const SamplePart& part);
  AvInput(const AvInput&) = delete;  // libavformat keeps a pointer
  AvInput& operator=(const AvInput&) = delete;
  ~AvInput() = default;

  // The first of a type, or null.
  const AVStream* first_stream(AVMediaType type) const;
  // Back to the beginning.
  void rewind();
  // From here to the end.
  void for_each_packet(const AVStream& stream, const std::function<void(const AVPacket&)>& visit);
  // Until visit returns false. Returns the decoder as it then is.
  OwnedAv<AVCodecContext> decode(const AVStream& stream, const std::function<bool(const AVFrame&)>& visit);

 private:
  static int read(void* self, std::uint8_t* out, int size) noexcept;
  static std::int64_t seek(void* self, std::int64_t offset, int whence) noexcept;
  void check(int status) const;
  bool next(AVPacket& packet);
  OwnedAv<AVCodecContext> open_decoder(const AVStream& stream) const;

  const File& file_;
  const SamplePart& part_;
  std::int64_t position_ = 0;
  std::exception_ptr read_error_;
  OwnedAv<AVIOContext> io_;
  OwnedAv<AVFormatContext> input_;
};

}  // namespace dfm::data
