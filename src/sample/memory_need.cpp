#include "sample/memory_need.h"

#include <algorithm>

#include <fmt/core.h>

#include "core/units.h"
#include "encoders/codec.h"

namespace dfm::sample {
namespace {

constexpr const char* kRemedy =
    "ask for smaller or shorter samples (--height, --width, --num-video-frames), or lower sample.batch_size";

std::string size_text(const SamplingSettings& settings) {
  return fmt::format("{} x {} pixels, {}", settings.width, settings.height,
                     format_count(settings.frames, "frame"));
}

double of_latent(const encoders::CodecShape& codec, const SamplingSettings& settings) {
  const auto stride = static_cast<double>(codec.spatial_stride);
  return static_cast<double>(codec.channels) * static_cast<double>(encoders::latent_frames(settings.frames)) *
         (static_cast<double>(settings.height) / stride) * (static_cast<double>(settings.width) / stride);
}

}  // namespace

// An attention has rows of the hidden size for its input, queries, keys and values at once; guidance needs
// them twice.
double least_bytes(const SamplingModel& model, const WorkList& list, const SamplingSettings& settings) {
  constexpr double kRows = 4;
  const double latent = of_latent(encoders::codec_shape(model.encoders.codec), settings);
  const double tokens = latent / static_cast<double>(model.network.patches.features());
  const auto samples = static_cast<double>(std::min(std::ssize(list.items), settings.batch_size));
  const double copies = settings.generation.guidance > 0 ? 2 : 1;
  const auto row =
      static_cast<double>(model.hidden_size) * static_cast<double>(model.parameters.buffer().element_size());
  const double in_network = samples * (copies * tokens * kRows * row + latent * sizeof(double));
  const double pixels = 3 * static_cast<double>(settings.frames) * static_cast<double>(settings.height) *
                        static_cast<double>(settings.width);
  return std::max(in_network, pixels + latent * sizeof(float));
}

void require_memory(const SamplingModel& model, const WorkList& list, const SamplingSettings& settings,
                    std::uint64_t limit_bytes) {
  const double least = least_bytes(model, list, settings);
  if (least <= static_cast<double>(limit_bytes)) return;
  constexpr double kMostBytes = 1e18;  // that format_bytes takes
  throw usage_error(
      fmt::format("samples of {} need at least {} of memory, {} is all that a process can have here",
                  size_text(settings), format_bytes(static_cast<std::uint64_t>(std::min(least, kMostBytes))),
                  format_bytes(limit_bytes)),
      kRemedy);
}

Error too_large(const SamplingSettings& settings) {
  return usage_error(fmt::format("the memory is not enough for samples of {}", size_text(settings)), kRemedy);
}

}  // namespace dfm::sample
