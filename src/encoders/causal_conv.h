// Convolutions over videos that come in pieces. Activations are [T, H, W, C], one video at a time, which is
// LibTorch's channels_last without a copy.
//
//   const CausalConv conv(weights, "conv_in", {.inputs = 3, .outputs = 96});
//   VideoStream stream;                      // one for each video
//   for (const at::Tensor& piece : pieces) results.push_back(conv(piece, stream));
#pragma once

#include <map>
#include <string>

#include "encoders/pretrained.h"

namespace dfm::encoders {

struct ConvWeights {
  at::Tensor weight, bias;
};

// NAME.weight of this shape and NAME.bias.
ConvWeights read_conv(WeightReader& weights, const std::string& name, const Shape& shape);

// What causal convolutions remember of a video between two of its pieces.
class VideoStream {
 public:
  // By the address of the layer; undefined before its first piece.
  at::Tensor& past_of(const void* layer) { return pasts_[layer]; }

 private:
  std::map<const void*, at::Tensor> pasts_;
};

struct CausalShape {
  std::int64_t inputs, outputs;
  std::int64_t edge = 3;  // of the kernel in space, which is padded to keep the size
  std::int64_t time_stride = 1;
};

// A kernel of three frames, the newest of which is the frame of the result. Frames before the video are
// zeros.
class CausalConv {
 public:
  CausalConv(WeightReader& weights, const std::string& name, const CausalShape& shape);

  // x [T, H, W, inputs] -> [T / time_stride, H, W, outputs]. Given by value so that it can be freed early.
  at::Tensor operator()(at::Tensor x, VideoStream& stream) const;

  // For layers that do not convolve a video's first piece: whether this is it, and what comes before the
  // second, behind zeros.
  bool is_first(VideoStream& stream) const { return !stream.past_of(this).defined(); }
  void begin_with(const at::Tensor& frames, VideoStream& stream) const;

 private:
  at::Tensor over_time(const at::Tensor& frames) const;
  at::Tensor of_first_frame(const at::Tensor& frame) const;

  ConvWeights conv_;
  std::int64_t edge_, time_stride_;
  std::int64_t kept_frames_;  // that the next piece still needs
};

}  // namespace dfm::encoders
