#include "data/media_rows/av_metadata.h"

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include "core/error.h"
#include "data/media_rows/av_input.h"

namespace dfm::data {
namespace {

// As Python writes numbers: whole ones of floating point have a point.
std::string number_text(double value) {
  if (!std::isfinite(value)) throw data_error("its times are no numbers");
  const std::string text = fmt::format("{}", value);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

class Fields {
 public:
  void add(std::string_view name, std::string_view value) {
    text_ += fmt::format("{}\"{}\":{}", text_.empty() ? "" : ",", name, value);
  }
  void add(std::string_view name, std::int64_t value) { add(name, std::to_string(value)); }
  void add_real(std::string_view name, double value) { add(name, number_text(value)); }
  std::string json() const { return "{" + text_ + "}"; }

 private:
  std::string text_;
};

double ratio(AVRational value) { return static_cast<double>(value.num) / value.den; }

// The end of what was seen last, in the units of its stream.
struct End {
  std::optional<std::int64_t> pts;
  std::int64_t duration = 0;

  std::optional<std::int64_t> time() const { return pts ? std::optional(*pts + duration) : std::nullopt; }
};

std::optional<double> seconds(const AVStream& stream, std::optional<std::int64_t> end) {
  if (!end) return std::nullopt;
  const std::int64_t start = stream.start_time == AV_NOPTS_VALUE ? 0 : stream.start_time;
  return static_cast<double>(*end - start) * ratio(stream.time_base);
}

void add_video(AvInput& input, const AVStream& stream, Fields& fields) {
  std::int64_t frames = 0, width = stream.codecpar->width, height = stream.codecpar->height;
  End last;
  input.for_each_packet(stream, [&](const AVPacket& packet) {
    if (packet.pts == AV_NOPTS_VALUE) return;
    ++frames;
    last = {packet.pts, packet.duration};
  });
  const auto duration =
      seconds(stream, stream.duration == AV_NOPTS_VALUE ? last.time() : std::optional(stream.duration));
  if (duration) fields.add_real("video_duration", *duration);
  fields.add("video_num_frames", frames);
  const AVRational rate = stream.avg_frame_rate;
  if (rate.num != 0 && rate.den != 0) {
    fields.add_real("video_fps", ratio(rate));
  } else if (duration) {
    fields.add_real("video_fps", static_cast<double>(frames) / *duration);
  }
  input.rewind();
  input.decode(stream, [&](const AVFrame& frame) {
    width = frame.width;
    height = frame.height;
    return false;
  });
  fields.add("video_width", width);
  fields.add("video_height", height);
}

std::int64_t duration_of(const AVFrame& frame, const AVStream& stream) {
  if (frame.pkt_duration > 0) return frame.pkt_duration;
  return libav_library().av_rescale_q(frame.nb_samples, {1, frame.sample_rate}, stream.time_base);
}

void add_sound(AvInput& input, const AVStream& stream, Fields& fields) {
  std::int64_t samples = 0;
  End last;
  input.rewind();
  const auto decoder = input.decode(stream, [&](const AVFrame& frame) {
    if (frame.pts != AV_NOPTS_VALUE) last = {frame.pts, duration_of(frame, stream)};
    samples += frame.nb_samples;
    return true;
  });
  const auto stated = stream.duration == AV_NOPTS_VALUE ? std::nullopt : std::optional(stream.duration);
  const auto duration = seconds(stream, last.pts ? last.time() : stated);
  if (duration) fields.add_real("audio_duration", *duration);
  fields.add("audio_channels", std::int64_t{decoder->ch_layout.nb_channels});
  fields.add("audio_sample_rate", std::int64_t{stream.codecpar->sample_rate});
  fields.add("audio_num_samples", samples);
}

}  // namespace

std::string av_metadata(const File& shard, const SamplePart& part) {
  AvInput input(shard, part);
  Fields fields;
  if (const AVStream* const video = input.first_stream(AVMEDIA_TYPE_VIDEO)) add_video(input, *video, fields);
  if (const AVStream* const sound = input.first_stream(AVMEDIA_TYPE_AUDIO)) add_sound(input, *sound, fields);
  return fields.json();
}

}  // namespace dfm::data
