#include "encoders/wan_codec.h"

#include <memory>

#include <fmt/ranges.h>

#include "core/error.h"
#include "core/hash.h"
#include "core/stop_token.h"
#include "encoders/wan_pixels.h"
#include "encoders/wan_vae.h"
#include "nn/array_bridge.h"
#include "nn/kernel_support.h"

namespace dfm::encoders {
namespace fs = std::filesystem;
namespace {

// LibTorch's convolutions of float16 on a CPU take minutes.
Placed computed_in(const Placed& placed) {
  if (!placed.device.is_cpu()) return placed;
  return {placed.dtype == at::kHalf ? at::kFloat : nn::product_type(placed.dtype), placed.device};
}

std::string fingerprint_of(const WanVaeShape& shape, const WeightReader& weights) {
  const std::string all = fmt::format("{} {} {}", weights.fingerprint(), shape.latent_mean, shape.latent_std);
  return fmt::format("wan {}", hex(hash64(all)));
}

class WanVae {
 public:
  WanVae(const PretrainedConfig& config, const Placed& placed)
      : WanVae(wan_vae_shape(config), WeightReader(config.folder(), placed), placed) {}

  Array encode(const std::vector<media::Image>& frames) const;
  std::vector<media::Image> decode(const Array& latent) const;

  const std::string& fingerprint() const { return fingerprint_; }
  std::int64_t latent_channels() const { return mean_.numel(); }

 private:
  WanVae(const WanVaeShape& shape, WeightReader weights, const Placed& placed)
      : placed_(placed),
        encoder_(weights, shape),
        decoder_(weights, shape),
        mean_(at::tensor(shape.latent_mean, at::TensorOptions(placed.device).dtype(at::kFloat))),
        deviation_(at::tensor(shape.latent_std, at::TensorOptions(placed.device).dtype(at::kFloat))),
        fingerprint_(fingerprint_of(shape, weights)) {}

  Placed placed_;
  WanEncoder encoder_;
  WanDecoder decoder_;
  at::Tensor mean_, deviation_;  // [C] float32
  std::string fingerprint_;
};

void require_one_size(const std::vector<media::Image>& frames) {
  const media::Image& first = frames.at(0);
  ensure(first.width > 0 && first.height > 0 && first.width % WanVaeShape::kSpatialStride == 0 &&
             first.height % WanVaeShape::kSpatialStride == 0,
         "frames are multiples of 8");
  const std::size_t bytes = std::size_t{3} * first.width * first.height;
  for (const media::Image& frame : frames) {
    ensure(frame.width == first.width && frame.height == first.height && frame.rgb.size() == bytes,
           "frames of a video have one size");
  }
}

void require_latent(const Array& latent, std::int64_t channels) {
  ensure(latent.dtype == DType::float32 && latent.shape.size() == 4 && latent.shape[0] == channels &&
             latent.count() > 0,
         "a codec decodes float32 [C, T, H, W]");
}

Array WanVae::encode(const std::vector<media::Image>& frames) const {
  const at::NoGradGuard no_gradients;
  const std::int64_t count = latent_frames(std::ssize(frames));
  require_one_size(frames);
  VideoStream stream;
  std::vector<at::Tensor> latent;
  for (std::int64_t i = 0; i < count; ++i) {
    StopToken::throw_if_requested();
    const auto piece = i == 0 ? std::span(frames).first(1)
                              : std::span(frames).subspan(1 + (i - 1) * kFramesInLatent, kFramesInLatent);
    const at::Tensor mean = encoder_(to_pixels(piece, placed_), stream).to(at::kFloat);
    latent.push_back(mean.sub(mean_).div_(deviation_).cpu());
  }
  return nn::to_array(at::cat(latent).permute({3, 0, 1, 2}).contiguous());
}

std::vector<media::Image> WanVae::decode(const Array& latent) const {
  const at::NoGradGuard no_gradients;
  require_latent(latent, latent_channels());
  const at::Tensor frames = nn::to_tensor(latent).permute({1, 2, 3, 0});
  VideoStream stream;
  std::vector<media::Image> images;
  for (std::int64_t i = 0; i < frames.size(0); ++i) {
    StopToken::throw_if_requested();
    const at::Tensor z = frames.slice(0, i, i + 1).contiguous().to(placed_.device);
    for (media::Image& image : to_images(decoder_(z.mul(deviation_).add_(mean_).to(placed_.dtype), stream)))
      images.push_back(std::move(image));
  }
  return images;
}

}  // namespace

CodecShape wan_codec_shape(const fs::path& dir) {
  const WanVaeShape shape = wan_vae_shape(PretrainedConfig(folder_of_part(dir, "vae")));
  return {.channels = shape.latent_channels, .spatial_stride = WanVaeShape::kSpatialStride};
}

Codec wan_codec(const fs::path& dir, const Placed& placed) {
  const auto vae =
      std::make_shared<const WanVae>(PretrainedConfig(folder_of_part(dir, "vae")), computed_in(placed));
  return {.channels = vae->latent_channels(),
          .spatial_stride = WanVaeShape::kSpatialStride,
          .encode = [vae](const std::vector<media::Image>& frames) { return vae->encode(frames); },
          .decode = [vae](const Array& latent) { return vae->decode(latent); },
          .fingerprint = vae->fingerprint()};
}

}  // namespace dfm::encoders
