// The blocks of the WAN 2.1 autoencoder that keep the resolution: norm, residual block, attention, and the
// middle made of them. Activations are [T, H, W, C].
#pragma once

#include <functional>
#include <optional>

#include "encoders/causal_conv.h"

namespace dfm::encoders {

// One layer of the encoder or decoder.
using VideoLayer = std::function<at::Tensor(at::Tensor, VideoStream&)>;

// A convolution whose kernel is one pixel: a linear layer over the channels.
class PointConv {
 public:
  // shape: that of the weight, [outputs, inputs] and ones.
  PointConv(WeightReader& weights, const std::string& name, const Shape& shape);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  ConvWeights conv_;
};

// Scales the channels of every pixel to a root mean square of 1, then each by its gamma.
class ChannelNorm {
 public:
  // shape: that of gamma, [C] and ones.
  ChannelNorm(WeightReader& weights, const std::string& name, const Shape& shape);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  at::Tensor gamma_;
};

// x + conv(silu(norm(conv(silu(norm(x)))))), x through a linear layer where the channels change.
class ResidualBlock {
 public:
  ResidualBlock(WeightReader& weights, const std::string& name, std::int64_t inputs, std::int64_t outputs);
  at::Tensor operator()(const at::Tensor& x, VideoStream& stream) const;

 private:
  ChannelNorm norm1_;
  CausalConv conv1_;
  ChannelNorm norm2_;
  CausalConv conv2_;
  std::optional<PointConv> shortcut_;
};

// x + attention of one head among the pixels of each frame.
class FrameAttention {
 public:
  FrameAttention(WeightReader& weights, const std::string& name, std::int64_t channels);
  at::Tensor operator()(const at::Tensor& x, VideoStream& stream) const;

 private:
  ChannelNorm norm_;
  PointConv qkv_, projection_;
};

// A residual block, attention, a residual block.
void add_middle(std::vector<VideoLayer>& layers, WeightReader& weights, const std::string& name,
                std::int64_t channels);

// Norm, silu and a convolution.
class Head {
 public:
  // NAME.norm_out and NAME.conv_out.
  Head(WeightReader& weights, const std::string& name, std::int64_t inputs, std::int64_t outputs);
  at::Tensor operator()(at::Tensor x, VideoStream& stream) const;

 private:
  ChannelNorm norm_;
  CausalConv conv_;
};

}  // namespace dfm::encoders
