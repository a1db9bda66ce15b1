#include "prepare/video_samples.h"

#include <algorithm>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json.h"
#include "core/units.h"
#include "media/video_reader.h"

namespace dfm::prepare {
namespace {

constexpr std::uint64_t kMostVideoBytes = std::uint64_t{4} << 30U;  // of pixels, after resizing

struct Frames {
  std::vector<media::Image> kept;
  int original_width = 0, original_height = 0;
  std::int64_t total = 0;
};

// The frames that `keeps` chooses by their number, fitted as they come.
template <class Keeps>
Frames read_frames(const media::Item& item, std::span<const std::byte> encoded,
                   const PrepareSettings& settings, const Keeps& keeps) {
  Frames frames;
  std::uint64_t bytes = 0;
  media::for_each_frame(encoded, item.name, [&](const media::Image& frame) {
    frames.original_width = frame.width;
    frames.original_height = frame.height;
    if (!keeps(frames.total++)) return;
    frames.kept.push_back(fitted(frame, settings));
    bytes += frames.kept.back().rgb.size();
    if (bytes <= kMostVideoBytes) return;
    throw data_error(fmt::format("{} takes more than {} in memory", item.name, format_bytes(kMostVideoBytes)),
                     "cut it, or give a smaller --height and --width");
  });
  return frames;
}

Json description_of(const media::Item& item, const Frames& frames, const PrepareSettings& settings) {
  Json description = {{"caption", *item.caption},
                      {"file_name", item.name},
                      {"video_path", item.name},
                      {"image_height", frames.kept.front().height},
                      {"image_width", frames.kept.front().width},
                      {"processed_height", frames.kept.front().height},
                      {"processed_width", frames.kept.front().width},
                      {"original_height", frames.original_height},
                      {"original_width", frames.original_width},
                      {"total_frames_in_video", frames.total},
                      {"deterministic_latents", true}};
  add_encoders(settings, description);
  add_resize_settings(settings, description);
  return description;
}

NamedSample whole_video(const media::Item& item, std::span<const std::byte> encoded,
                        const PrepareSettings& settings) {
  Frames frames = read_frames(item, encoded, settings, [](std::int64_t) { return true; });
  frames.kept.resize((frames.kept.size() - 1) / 4 * 4 + 1);
  Json description = description_of(item, frames, settings);
  description["processing_mode"] = "video";
  description["processed_frames"] = frames.kept.size();
  return {"", files_of(frames.kept, *item.caption, description, settings)};
}

std::vector<NamedSample> single_frames(const media::Item& item, std::span<const std::byte> encoded,
                                       const PrepareSettings& settings) {
  const std::int64_t total = media::for_each_frame(encoded, item.name, [](const media::Image&) {});
  const auto positions = frame_positions(total, settings.num_frames);
  const Frames frames = read_frames(item, encoded, settings, [&](std::int64_t number) {
    return std::ranges::binary_search(positions, number);
  });
  Json description = description_of(item, frames, settings);
  description["processing_mode"] = "frames";
  description["processed_frames"] = 1;
  std::vector<NamedSample> samples;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < positions.size(); ++i) {
    if (i > 0 && positions[i] != positions[i - 1]) ++kept;  // a short video gives a frame several times
    description["frame_index"] = positions[i];
    samples.push_back(
        {fmt::format("_{:02}", i + 1), files_of({frames.kept[kept]}, *item.caption, description, settings)});
  }
  return samples;
}

}  // namespace

std::vector<std::int64_t> frame_positions(std::int64_t total, std::int64_t count) {
  std::vector<std::int64_t> positions;
  for (std::int64_t i = 0; i < count; ++i) {
    positions.push_back(count == 1 ? 0 : i * (total - 1) / (count - 1));
  }
  return positions;
}

std::vector<NamedSample> make_video_samples(const media::Item& item, std::span<const std::byte> encoded,
                                            const PrepareSettings& settings) {
  require_caption(item);
  if (settings.video_mode == VideoMode::frames) return single_frames(item, encoded, settings);
  return {whole_video(item, encoded, settings)};
}

}  // namespace dfm::prepare
