#include "data/media_rows/av_input.h"

#include <algorithm>
#include <array>
#include <new>
#include <span>

#include "core/error.h"

namespace dfm::data {
namespace {

constexpr int kBufferBytes = 32 << 10;
constexpr std::int64_t kMostPixels = std::int64_t{1} << 28U;  // of a frame, against decompression bombs

template <class T>
OwnedAv<T> own(T* object) {
  if (object == nullptr) throw std::bad_alloc();
  return OwnedAv<T>(object);
}

AVIOContext* make_io(void* self, int (*read)(void*, std::uint8_t*, int),
                     std::int64_t (*seek)(void*, std::int64_t, int)) {
  auto* const buffer = static_cast<unsigned char*>(libav_library().av_malloc(kBufferBytes));
  if (buffer == nullptr) throw std::bad_alloc();
  return libav_library().avio_alloc_context(buffer, kBufferBytes, 0, self, read, nullptr, seek);
}

}  // namespace

AvInput::AvInput(const File& file, const SamplePart& part)
    : file_(file), part_(part), io_(own(make_io(this, read, seek))) {
  const LibavLibrary& libav = libav_library();
  AVFormatContext* context = libav.avformat_alloc_context();
  if (context == nullptr) throw std::bad_alloc();
  context->pb = io_.get();
  context->flags |= AVFMT_FLAG_CUSTOM_IO;
  check(libav.avformat_open_input(&context, nullptr, nullptr, nullptr));  // frees it where it fails
  input_.reset(context);
  check(libav.avformat_find_stream_info(context, nullptr));
}

int AvInput::read(void* self, std::uint8_t* out, int size) noexcept {
  auto& input = *static_cast<AvInput*>(self);
  const auto total = static_cast<std::int64_t>(input.part_.content_size);
  const std::int64_t count = std::min<std::int64_t>(total - input.position_, size);
  if (count <= 0) return AVERROR_EOF;
  try {
    input.file_.read_exactly(std::as_writable_bytes(std::span(out, static_cast<std::size_t>(count))),
                             input.part_.content_offset + static_cast<std::uint64_t>(input.position_));
  } catch (...) {
    input.read_error_ = std::current_exception();
    return AVERROR(EIO);
  }
  input.position_ += count;
  return static_cast<int>(count);
}

std::int64_t AvInput::seek(void* self, std::int64_t offset, int whence) noexcept {
  auto& input = *static_cast<AvInput*>(self);
  const auto size = static_cast<std::int64_t>(input.part_.content_size);
  if ((whence & AVSEEK_SIZE) != 0) return size;
  const int from = whence & ~AVSEEK_FORCE;
  const std::int64_t target = offset + (from == SEEK_CUR ? input.position_ : from == SEEK_END ? size : 0);
  if (target < 0 || target > size) return AVERROR(EINVAL);
  input.position_ = target;
  return target;
}

// A shard that cannot be read is no damaged video.
void AvInput::check(int status) const {
  if (read_error_) std::rethrow_exception(read_error_);
  if (status >= 0) return;
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  libav_library().av_strerror(status, text.data(), text.size());
  throw data_error(text.data());
}

const AVStream* AvInput::first_stream(AVMediaType type) const {
  const std::span<AVStream* const> streams(input_->streams, input_->nb_streams);
  const auto found =
      std::ranges::find(streams, type, [](const AVStream* stream) { return stream->codecpar->codec_type; });
  return found == streams.end() ? nullptr : *found;
}

void AvInput::rewind() { check(libav_library().av_seek_frame(input_.get(), -1, 0, AVSEEK_FLAG_BACKWARD)); }

// False at the end.
bool AvInput::next(AVPacket& packet) {
  const int status = libav_library().av_read_frame(input_.get(), &packet);
  if (status == AVERROR_EOF && !read_error_) return false;
  check(status);
  return true;
}

void AvInput::for_each_packet(const AVStream& stream, const std::function<void(const AVPacket&)>& visit) {
  const auto packet = own(libav_library().av_packet_alloc());
  while (next(*packet)) {
    if (packet->stream_index == stream.index) visit(*packet);
    libav_library().av_packet_unref(packet.get());
  }
}

OwnedAv<AVCodecContext> AvInput::open_decoder(const AVStream& stream) const {
  const LibavLibrary& libav = libav_library();
  const AVCodec* const codec = libav.avcodec_find_decoder(stream.codecpar->codec_id);
  if (codec == nullptr) throw data_error("this libavcodec has no decoder for it");
  auto decoder = own(libav.avcodec_alloc_context3(codec));
  check(libav.avcodec_parameters_to_context(decoder.get(), stream.codecpar));
  decoder->pkt_timebase = stream.time_base;
  decoder->thread_count = 1;
  decoder->max_pixels = kMostPixels;
  check(libav.avcodec_open2(decoder.get(), codec, nullptr));
  return decoder;
}

OwnedAv<AVCodecContext> AvInput::decode(const AVStream& stream,
                                        const std::function<bool(const AVFrame&)>& visit) {
  const LibavLibrary& libav = libav_library();
  auto decoder = open_decoder(stream);
  const auto packet = own(libav.av_packet_alloc());
  const auto frame = own(libav.av_frame_alloc());
  for (bool is_at_end = false, goes_on = true; goes_on && !is_at_end;) {
    is_at_end = !next(*packet);
    if (!is_at_end && packet->stream_index != stream.index) {
      libav.av_packet_unref(packet.get());
      continue;
    }
    check(libav.avcodec_send_packet(decoder.get(), is_at_end ? nullptr : packet.get()));
    libav.av_packet_unref(packet.get());
    int status = 0;
    while (goes_on && (status = libav.avcodec_receive_frame(decoder.get(), frame.get())) >= 0) {
      goes_on = visit(*frame);
      libav.av_frame_unref(frame.get());
    }
    if (status != AVERROR(EAGAIN) && status != AVERROR_EOF) check(status);
  }
  return decoder;
}

}  // namespace dfm::data
