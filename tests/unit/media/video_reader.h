// Reads a video back, for the tests alone.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "media/frame.h"
#include "media/image.h"
#include "media/libav.h"

namespace dfm::media {

struct ReadVideo {
  std::string codec;
  double frames_per_second = 0;
  double seconds = 0;
  std::vector<Image> frames;
};

inline void append_ready_frames(AVCodecContext& decoder, std::vector<Image>& frames) {
  for (auto frame = own(av_frame_alloc()); avcodec_receive_frame(&decoder, frame.get()) >= 0;) {
    frames.push_back(image_from_frame(*frame));
  }
}

inline ReadVideo read_video(const std::filesystem::path& path) {
  const LogCapture log;
  AVFormatContext* context = nullptr;
  check(avformat_open_input(&context, path.c_str(), nullptr, nullptr), path.native());
  const std::unique_ptr<AVFormatContext, void (*)(AVFormatContext*)> input(
      context, [](AVFormatContext* open) { avformat_close_input(&open); });
  check(avformat_find_stream_info(context, nullptr), path.native());
  const AVStream& stream = *context->streams[0];
  const AVCodec* const codec = avcodec_find_decoder(stream.codecpar->codec_id);
  const auto decoder = own(avcodec_alloc_context3(codec));
  check(avcodec_parameters_to_context(decoder.get(), stream.codecpar), path.native());
  check(avcodec_open2(decoder.get(), codec, nullptr), path.native());
  ReadVideo video{
      codec->name, av_q2d(stream.avg_frame_rate), static_cast<double>(context->duration) / AV_TIME_BASE, {}};
  for (auto packet = own(av_packet_alloc()); av_read_frame(context, packet.get()) >= 0;
       av_packet_unref(packet.get())) {
    check(avcodec_send_packet(decoder.get(), packet.get()), path.native());
    append_ready_frames(*decoder, video.frames);
  }
  check(avcodec_send_packet(decoder.get(), nullptr), path.native());
  append_ready_frames(*decoder, video.frames);
  return video;
}

}  // namespace dfm::media
