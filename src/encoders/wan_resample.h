// The steps between two resolutions of the WAN 2.1 autoencoder: half or twice the edges, and of some half or
// twice the frames. A video's first frame stays one frame. Activations are [T, H, W, C].
#pragma once

#include <optional>

#include "encoders/causal_conv.h"

namespace dfm::encoders {

// A convolution of every frame by itself, with a kernel of 3 x 3 pixels.
class FrameConv {
 public:
  FrameConv(WeightReader& weights, const std::string& name, std::int64_t inputs, std::int64_t outputs);

  at::Tensor same_size(const at::Tensor& x) const;
  // The padding is one row below and one column to the right.
  at::Tensor half_size(const at::Tensor& x) const;

 private:
  at::Tensor convolve(const at::Tensor& x, std::int64_t stride, std::int64_t padding) const;

  ConvWeights conv_;
};

struct ResampleShape {
  std::int64_t channels;
  bool of_time;
};

// [T, H, W, C] -> [T / 2 or T, H / 2, W / 2, C].
class Downsample {
 public:
  Downsample(WeightReader& weights, const std::string& name, const ResampleShape& shape);
  at::Tensor operator()(at::Tensor x, VideoStream& stream) const;

 private:
  FrameConv frame_conv_;
  std::optional<CausalConv> time_conv_;
};

// [T, H, W, C] -> [2 T or T, 2 H, 2 W, C / 2].
class Upsample {
 public:
  Upsample(WeightReader& weights, const std::string& name, const ResampleShape& shape);
  at::Tensor operator()(at::Tensor x, VideoStream& stream) const;

 private:
  at::Tensor double_frames(at::Tensor x, VideoStream& stream) const;

  FrameConv frame_conv_;
  std::optional<CausalConv> time_conv_;
};

}  // namespace dfm::encoders
