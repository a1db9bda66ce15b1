#include "encoders/causal_conv.h"

namespace dfm::encoders {
namespace {

constexpr std::int64_t kFramesInKernel = 3;

}  // namespace

ConvWeights read_conv(WeightReader& weights, const std::string& name, const Shape& shape) {
  at::Tensor weight = weights.read(name + ".weight", shape);
  return {std::move(weight), weights.read(name + ".bias", {shape[0]})};
}

CausalConv::CausalConv(WeightReader& weights, const std::string& name, const CausalShape& shape)
    : conv_(read_conv(weights, name, {shape.outputs, shape.inputs, kFramesInKernel, shape.edge, shape.edge})),
      edge_(shape.edge),
      time_stride_(shape.time_stride),
      kept_frames_(kFramesInKernel - shape.time_stride) {
  conv_.weight = conv_.weight.contiguous(at::MemoryFormat::ChannelsLast3d);
}

at::Tensor CausalConv::operator()(at::Tensor x, VideoStream& stream) const {
  const bool one_frame_alone = is_first(stream) && x.size(0) == 1;
  if (is_first(stream)) begin_with(at::zeros_like(x), stream);
  x = at::cat({stream.past_of(this), x});
  stream.past_of(this) = x.slice(0, -kept_frames_).clone();
  return one_frame_alone ? of_first_frame(x.slice(0, -1)) : over_time(x);
}

void CausalConv::begin_with(const at::Tensor& frames, VideoStream& stream) const {
  const at::Tensor padded = at::constant_pad_nd(frames, {0, 0, 0, 0, 0, 0, kept_frames_, 0});
  stream.past_of(this) = padded.slice(0, -kept_frames_).clone();
}

at::Tensor CausalConv::over_time(const at::Tensor& frames) const {
  const std::int64_t padding = edge_ / 2;
  const at::Tensor result = at::conv3d(frames.permute({3, 0, 1, 2}).unsqueeze(0), conv_.weight, conv_.bias,
                                       {time_stride_, 1, 1}, {0, padding, padding});
  return result.squeeze(0).permute({1, 2, 3, 0}).contiguous();
}

// Zeros come before it, so that only the newest of the kernel's frames matters: a third of the work.
at::Tensor CausalConv::of_first_frame(const at::Tensor& frame) const {
  const at::Tensor newest = conv_.weight.select(2, kFramesInKernel - 1);
  const at::Tensor result =
      at::conv2d(frame.permute({0, 3, 1, 2}), newest.contiguous(at::MemoryFormat::ChannelsLast), conv_.bias,
                 /*stride=*/1, edge_ / 2);
  return result.permute({0, 2, 3, 1}).contiguous();
}

}  // namespace dfm::encoders
