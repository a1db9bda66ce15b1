#include "encoders/wan_resample.h"

namespace dfm::encoders {
namespace {

// Every pixel becomes 2 x 2 of its kind.
at::Tensor double_edges(const at::Tensor& x) {
  const std::int64_t frames = x.size(0), height = x.size(1), width = x.size(2), channels = x.size(3);
  return x.view({frames, height, 1, width, 1, channels})
      .expand({frames, height, 2, width, 2, channels})
      .reshape({frames, 2 * height, 2 * width, channels});
}

}  // namespace

FrameConv::FrameConv(WeightReader& weights, const std::string& name, std::int64_t inputs,
                     std::int64_t outputs)
    : conv_(read_conv(weights, name, {outputs, inputs, 3, 3})) {
  conv_.weight = conv_.weight.contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor FrameConv::same_size(const at::Tensor& x) const { return convolve(x, 1, 1); }

at::Tensor FrameConv::half_size(const at::Tensor& x) const {
  return convolve(at::constant_pad_nd(x, {0, 0, 0, 1, 0, 1}), 2, 0);
}

at::Tensor FrameConv::convolve(const at::Tensor& x, std::int64_t stride, std::int64_t padding) const {
  const at::Tensor result = at::conv2d(x.permute({0, 3, 1, 2}), conv_.weight, conv_.bias, stride, padding);
  return result.permute({0, 2, 3, 1}).contiguous();
}

Downsample::Downsample(WeightReader& weights, const std::string& name, const ResampleShape& shape)
    : frame_conv_(weights, name + ".resample.1", shape.channels, shape.channels) {
  const CausalShape halving{.inputs = shape.channels, .outputs = shape.channels, .edge = 1, .time_stride = 2};
  if (shape.of_time) time_conv_.emplace(weights, name + ".time_conv", halving);
}

at::Tensor Downsample::operator()(at::Tensor x, VideoStream& stream) const {
  x = frame_conv_.half_size(x);
  if (!time_conv_) return x;
  if (!time_conv_->is_first(stream)) return (*time_conv_)(std::move(x), stream);
  time_conv_->begin_with(x, stream);
  return x;
}

Upsample::Upsample(WeightReader& weights, const std::string& name, const ResampleShape& shape)
    : frame_conv_(weights, name + ".resample.1", shape.channels, shape.channels / 2) {
  const CausalShape doubling{.inputs = shape.channels, .outputs = 2 * shape.channels, .edge = 1};
  if (shape.of_time) time_conv_.emplace(weights, name + ".time_conv", doubling);
}

at::Tensor Upsample::operator()(at::Tensor x, VideoStream& stream) const {
  if (time_conv_) x = double_frames(std::move(x), stream);
  return frame_conv_.same_size(double_edges(x));
}

// The first half of the channels is the earlier frame. As the network was trained, the second latent frame
// sees zeros before it in place of the first.
at::Tensor Upsample::double_frames(at::Tensor x, VideoStream& stream) const {
  if (time_conv_->is_first(stream)) {
    time_conv_->begin_with(at::zeros_like(x), stream);
    return x;
  }
  const std::int64_t frames = x.size(0), height = x.size(1), width = x.size(2), channels = x.size(3);
  const at::Tensor pairs = (*time_conv_)(std::move(x), stream).view({frames, height, width, 2, channels});
  return pairs.permute({0, 3, 1, 2, 4}).reshape({2 * frames, height, width, channels});
}

}  // namespace dfm::encoders
