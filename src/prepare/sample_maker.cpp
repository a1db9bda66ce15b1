#include "prepare/sample_maker.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json.h"
#include "data/tensor/tensor_file.h"
#include "media/image_reader.h"

namespace dfm::prepare {
namespace {

constexpr int kPixelMultiple = 16;  // two latent cells: the spatial patch of DiT

}  // namespace

media::Image fitted(const media::Image& image, const PrepareSettings& settings) {
  if (settings.height == 0) return media::crop_to_multiple(image, kPixelMultiple);
  const int width = settings.width, height = settings.height;
  switch (settings.fit) {
    case Fit::crop:
      return media::resize_and_crop(image, width, height, settings.resize_mode);
    case Fit::stretch:
      return media::stretch(image, width, height, settings.resize_mode);
    case Fit::inside:
      break;
  }
  return media::crop_to_multiple(media::resize_inside(image, width, height, settings.resize_mode),
                                 kPixelMultiple);
}

void add_resize_settings(const PrepareSettings& settings, Json& description) {
  if (settings.height == 0) return;
  description["resize_settings"] = {{"target_size", {settings.height, settings.width}},
                                    {"resize_mode", settings.resize_mode_name},
                                    {"maintain_aspect_ratio", settings.fit != Fit::stretch},
                                    {"center_crop", settings.fit == Fit::crop}};
}

void add_encoders(const PrepareSettings& settings, Json& description) {
  description["codec"] = settings.encoders.codec.fingerprint;
  description["text_encoder"] = settings.encoders.text.fingerprint;
}

SampleFiles files_of(const std::vector<media::Image>& frames, const std::string& caption,
                     const Json& description, const PrepareSettings& settings) {
  const Array latent = settings.encoders.codec.encode(frames);
  return {data::write_pth(from_floats(latent.as<float>(), latent.shape, DType::bfloat16)),
          data::write_numpy_pickle(settings.encoders.text.encode(caption)), description.dump()};
}

void require_caption(const media::Item& item) {
  if (item.caption) return;
  throw data_error(fmt::format("{} has no caption", item.name),
                   "add it to metadata.csv (file_name, text), or put a .txt file of the same name beside it");
}

SampleFiles make_sample(const media::Item& item, std::span<const std::byte> encoded,
                        const PrepareSettings& settings) {
  require_caption(item);
  const media::Image original = media::decode_image(encoded, item.name);
  const media::Image image = fitted(original, settings);
  Json description = {{"caption", *item.caption},           {"file_name", item.name},
                      {"image_height", image.height},       {"image_width", image.width},
                      {"original_height", original.height}, {"original_width", original.width}};
  add_encoders(settings, description);
  add_resize_settings(settings, description);
  return files_of({image}, *item.caption, description, settings);
}

}  // namespace dfm::prepare
