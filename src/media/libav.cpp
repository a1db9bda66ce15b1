#include "media/libav.h"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <limits>
#include <mutex>
#include <string>

#include <fmt/core.h>

#include "core/error.h"

namespace dfm::media {
namespace {

// libav has one log callback a process and hands it no object of ours: what a thread hears is kept with the
// thread.
std::string& heard() {
  static thread_local std::string line;
  return line;
}

void keep_errors(void*, int level, const char* format, va_list arguments) {
  if (level > AV_LOG_ERROR) return;
  std::array<char, 256> text{};
  std::vsnprintf(text.data(), text.size(), format, arguments);
  std::string_view line(text.data());
  while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.remove_suffix(1);
  if (!line.empty()) heard() = line;
}

}  // namespace

LogCapture::LogCapture() {
  static std::once_flag once;
  std::call_once(once, [] { av_log_set_callback(keep_errors); });
  heard().clear();
}

LogCapture::~LogCapture() { heard().clear(); }

std::string_view LogCapture::last_error() { return heard(); }

void check(int status, std::string_view what) {
  if (status >= 0) return;
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  av_strerror(status, text.data(), text.size());
  if (heard().empty()) throw data_error(fmt::format("{}: {}", what, text.data()));
  throw data_error(fmt::format("{}: {} ({})", what, text.data(), heard()));
}

Owned<AVFrame> make_frame(int width, int height, AVPixelFormat format) {
  auto frame = own(av_frame_alloc());
  frame->width = width;
  frame->height = height;
  frame->format = format;
  check(av_frame_get_buffer(frame.get(), 0), "cannot make a picture buffer");
  return frame;
}

Owned<AVPacket> make_packet(std::span<const std::byte> bytes, std::string_view what) {
  static constexpr std::size_t kMostBytes = std::numeric_limits<int>::max() - AV_INPUT_BUFFER_PADDING_SIZE;
  if (bytes.size() > kMostBytes) {
    throw data_error(fmt::format("{} has {} bytes, more than libav takes at once", what, bytes.size()));
  }
  auto packet = own(av_packet_alloc());
  check(av_new_packet(packet.get(), static_cast<int>(bytes.size())), what);
  std::memcpy(packet->data, bytes.data(), bytes.size());
  return packet;
}

}  // namespace dfm::media
