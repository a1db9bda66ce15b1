// The causal video autoencoder of WAN 2.1, piece by piece: a first frame alone, then four pixel frames or one
// latent frame at a time, with what its layers remember in the stream. Names of weights are those of
// diffusers' AutoencoderKLWan. Callers see to it that no gradients are recorded.
//
//   const WanEncoder encoder(weights, shape);
//   VideoStream stream;
//   const at::Tensor first = encoder(pixels.slice(0, 0, 1), stream), second = encoder(pixels.slice(0, 1, 5),
//   stream);
#pragma once

#include "encoders/wan_blocks.h"
#include "encoders/wan_vae_shape.h"

namespace dfm::encoders {

class WanEncoder {
 public:
  WanEncoder(WeightReader& weights, const WanVaeShape& shape);

  // [1 or 4, H, W, 3] in [-1, 1] -> the means of the latents' distribution [1, H / 8, W / 8, C].
  at::Tensor operator()(at::Tensor x, VideoStream& stream) const;

 private:
  void add_stage(WeightReader& weights, const WanVaeShape& shape, std::size_t stage);

  CausalConv conv_in_;
  std::vector<VideoLayer> layers_;
  Head head_;
  PointConv moments_;
  std::int64_t latent_channels_;
};

class WanDecoder {
 public:
  WanDecoder(WeightReader& weights, const WanVaeShape& shape);

  // [1, H, W, C] -> [1 (the first) or 4, 8 H, 8 W, 3], about in [-1, 1].
  at::Tensor operator()(const at::Tensor& z, VideoStream& stream) const;

 private:
  void add_stage(WeightReader& weights, const WanVaeShape& shape, std::size_t stage);

  PointConv from_latent_;
  CausalConv conv_in_;
  std::vector<VideoLayer> layers_;
  Head head_;
};

}  // namespace dfm::encoders
