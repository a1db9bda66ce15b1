#include "prepare/synthetic.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/philox.h"

namespace dfm::prepare {
namespace {

constexpr int kBlock = 8;  // pixels of one value

media::Image picture(const Philox& random, int number, const PrepareSettings& settings) {
  media::Image image = media::make_image(settings.width, settings.height);
  std::size_t at = 0;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      const auto row = static_cast<std::uint64_t>(y / kBlock);
      const auto column = static_cast<std::uint64_t>((x + number) / kBlock);
      const std::uint32_t bits = random.bits((row << 32U) + column);
      for (const unsigned shift : {0U, 8U, 16U}) image.rgb[at++] = static_cast<std::uint8_t>(bits >> shift);
    }
  }
  return image;
}

}  // namespace

media::Source synthetic_source(std::int64_t count) {
  media::Source source;
  for (std::int64_t i = 0; i < count; ++i) {
    source.items.push_back({fmt::format("synthetic_{:06}", i), fmt::format("synthetic sample {}", i)});
  }
  return source;
}

SampleFiles make_synthetic_sample(const media::Item& item, std::size_t index,
                                  const PrepareSettings& settings) {
  const Philox random(0, Stream::mock_data, index);
  std::vector<media::Image> frames;
  const std::int64_t count = (settings.num_frames - 1) / 4 * 4 + 1;
  for (int i = 0; i < count; ++i) frames.push_back(picture(random, i, settings));
  Json description = {{"caption", *item.caption},        {"file_name", item.name},
                      {"image_height", settings.height}, {"image_width", settings.width},
                      {"processing_mode", "synthetic"},  {"processed_frames", count}};
  add_encoders(settings, description);
  return files_of(frames, *item.caption, description, settings);
}

}  // namespace dfm::prepare
