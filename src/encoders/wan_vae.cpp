#include "encoders/wan_vae.h"

#include "encoders/wan_resample.h"

namespace dfm::encoders {
namespace {

constexpr std::int64_t kColours = 3;
constexpr std::size_t kLastStage = WanVaeShape::kStages - 1;

at::Tensor through(const std::vector<VideoLayer>& layers, at::Tensor x, VideoStream& stream) {
  for (const VideoLayer& layer : layers) x = layer(std::move(x), stream);
  return x;
}

}  // namespace

WanEncoder::WanEncoder(WeightReader& weights, const WanVaeShape& shape)
    : conv_in_(weights, "encoder.conv_in", {.inputs = kColours, .outputs = shape.encoder_channels.front()}),
      head_(weights, "encoder", shape.encoder_channels.back(), 2 * shape.latent_channels),
      moments_(weights, "quant_conv", {2 * shape.latent_channels, 2 * shape.latent_channels, 1, 1, 1}),
      latent_channels_(shape.latent_channels) {
  for (std::size_t stage = 0; stage <= kLastStage; ++stage) add_stage(weights, shape, stage);
  add_middle(layers_, weights, "encoder.mid_block", shape.encoder_channels.back());
}

// Layers are numbered through all stages.
void WanEncoder::add_stage(WeightReader& weights, const WanVaeShape& shape, std::size_t stage) {
  const auto name = [this] { return fmt::format("encoder.down_blocks.{}", layers_.size()); };
  const std::int64_t channels = shape.encoder_channels[stage + 1];
  for (std::int64_t block = 0; block < shape.residual_blocks; ++block) {
    const std::int64_t inputs = block == 0 ? shape.encoder_channels[stage] : channels;
    layers_.emplace_back(ResidualBlock(weights, name(), inputs, channels));
  }
  if (stage == kLastStage) return;
  layers_.emplace_back(Downsample(weights, name(), {channels, shape.halves_time[stage]}));
}

at::Tensor WanEncoder::operator()(at::Tensor x, VideoStream& stream) const {
  x = through(layers_, conv_in_(std::move(x), stream), stream);
  return moments_(head_(std::move(x), stream)).narrow(-1, 0, latent_channels_);
}

WanDecoder::WanDecoder(WeightReader& weights, const WanVaeShape& shape)
    : from_latent_(weights, "post_quant_conv", {shape.latent_channels, shape.latent_channels, 1, 1, 1}),
      conv_in_(weights, "decoder.conv_in",
               {.inputs = shape.latent_channels, .outputs = shape.decoder_channels.front()}),
      head_(weights, "decoder", shape.decoder_channels.back(), kColours) {
  add_middle(layers_, weights, "decoder.mid_block", shape.decoder_channels.front());
  for (std::size_t stage = 0; stage <= kLastStage; ++stage) add_stage(weights, shape, stage);
}

// Between two stages the channels are halved.
void WanDecoder::add_stage(WeightReader& weights, const WanVaeShape& shape, std::size_t stage) {
  const std::string name = fmt::format("decoder.up_blocks.{}", stage);
  const std::int64_t channels = shape.decoder_channels[stage + 1];
  std::int64_t inputs = shape.decoder_channels[stage] / (stage == 0 ? 1 : 2);
  for (std::int64_t block = 0; block <= shape.residual_blocks; ++block) {
    layers_.emplace_back(ResidualBlock(weights, fmt::format("{}.resnets.{}", name, block), inputs, channels));
    inputs = channels;
  }
  if (stage == kLastStage) return;
  const bool of_time = shape.halves_time[kLastStage - 1 - stage];
  layers_.emplace_back(Upsample(weights, name + ".upsamplers.0", {channels, of_time}));
}

at::Tensor WanDecoder::operator()(const at::Tensor& z, VideoStream& stream) const {
  return head_(through(layers_, conv_in_(from_latent_(z), stream), stream), stream);
}

}  // namespace dfm::encoders
