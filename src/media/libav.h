// libav* through checked, owning handles: each object has one owner that frees it, each status goes through
// check().
//
//   const LogCapture log;                                  // libav's own log stays off standard error
//   check(avcodec_open2(context.get(), codec, nullptr), "photo.jpg");
//   // data error: "photo.jpg: Invalid data found when processing input (overread 8)"
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <string_view>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>
}

namespace dfm::media {

struct LibavDeleter {
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
  void operator()(AVCodecContext* context) const { avcodec_free_context(&context); }
  void operator()(AVFormatContext* context) const { avformat_free_context(context); }
  void operator()(SwsContext* context) const { sws_freeContext(context); }
};

template <class T>
using Owned = std::unique_ptr<T, LibavDeleter>;

// Takes what a libav function allocated; null there means that memory ran out.
template <class T>
Owned<T> own(T* object) {
  if (object == nullptr) throw std::bad_alloc();
  return Owned<T>(object);
}

// While one lives, the errors that libav logs on this thread are kept, and the rest of its log is dropped.
class LogCapture {
 public:
  LogCapture();
  ~LogCapture();
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  // The last error, or empty.
  static std::string_view last_error();
};

// Throws a data error "<what>: <text of the status> (<last error of the log>)" for a negative status.
void check(int status, std::string_view what);

// A picture buffer, its rows padded as libav's vector code wants them.
Owned<AVFrame> make_frame(int width, int height, AVPixelFormat format);

// A copy of the bytes, with the padding that decoders read over.
Owned<AVPacket> make_packet(std::span<const std::byte> bytes, std::string_view what);

}  // namespace dfm::media
