#include "encoders/wan_blocks.h"

#include <cmath>

namespace dfm::encoders {
namespace {

// As torch.nn.functional.normalize bounds the norm.
constexpr double kSmallestNorm = 1e-12;

at::Tensor activated(const ChannelNorm& norm, at::Tensor x) {
  x = norm(x);
  return at::silu_(x);
}

}  // namespace

PointConv::PointConv(WeightReader& weights, const std::string& name, const Shape& shape)
    : conv_(read_conv(weights, name, shape)) {
  conv_.weight = conv_.weight.view({shape[0], shape[1]});
}

at::Tensor PointConv::operator()(const at::Tensor& x) const {
  return at::linear(x, conv_.weight, conv_.bias);
}

ChannelNorm::ChannelNorm(WeightReader& weights, const std::string& name, const Shape& shape)
    : gamma_(weights.read(name + ".gamma", shape).flatten()) {}

at::Tensor ChannelNorm::operator()(const at::Tensor& x) const {
  const at::Tensor norm = at::linalg_vector_norm(x, 2, at::IntArrayRef{-1}, /*keepdim=*/true, at::kFloat);
  at::Tensor scaled = at::empty_like(x);
  at::mul_out(scaled, x, std::sqrt(static_cast<double>(gamma_.numel())) / norm.clamp_min(kSmallestNorm));
  return scaled.mul_(gamma_);
}

ResidualBlock::ResidualBlock(WeightReader& weights, const std::string& name, std::int64_t inputs,
                             std::int64_t outputs)
    : norm1_(weights, name + ".norm1", {inputs, 1, 1, 1}),
      conv1_(weights, name + ".conv1", {.inputs = inputs, .outputs = outputs}),
      norm2_(weights, name + ".norm2", {outputs, 1, 1, 1}),
      conv2_(weights, name + ".conv2", {.inputs = outputs, .outputs = outputs}) {
  if (inputs != outputs) shortcut_.emplace(weights, name + ".conv_shortcut", Shape{outputs, inputs, 1, 1, 1});
}

at::Tensor ResidualBlock::operator()(const at::Tensor& x, VideoStream& stream) const {
  at::Tensor y = conv1_(activated(norm1_, x), stream);
  y = conv2_(activated(norm2_, std::move(y)), stream);
  return y.add_(shortcut_ ? (*shortcut_)(x) : x);
}

FrameAttention::FrameAttention(WeightReader& weights, const std::string& name, std::int64_t channels)
    : norm_(weights, name + ".norm", {channels, 1, 1}),
      qkv_(weights, name + ".to_qkv", {3 * channels, channels, 1, 1}),
      projection_(weights, name + ".proj", {channels, channels, 1, 1}) {}

at::Tensor FrameAttention::operator()(const at::Tensor& x, VideoStream& /*stream*/) const {
  const std::vector<at::Tensor> qkv =
      qkv_(norm_(x)).flatten(1, 2).unsqueeze(1).chunk(3, -1);  // [T, 1, HW, C]
  const at::Tensor attended = at::scaled_dot_product_attention(qkv[0], qkv[1], qkv[2]);
  return projection_(attended.reshape(x.sizes())).add_(x);
}

void add_middle(std::vector<VideoLayer>& layers, WeightReader& weights, const std::string& name,
                std::int64_t channels) {
  layers.emplace_back(ResidualBlock(weights, name + ".resnets.0", channels, channels));
  layers.emplace_back(FrameAttention(weights, name + ".attentions.0", channels));
  layers.emplace_back(ResidualBlock(weights, name + ".resnets.1", channels, channels));
}

Head::Head(WeightReader& weights, const std::string& name, std::int64_t inputs, std::int64_t outputs)
    : norm_(weights, name + ".norm_out", {inputs, 1, 1, 1}),
      conv_(weights, name + ".conv_out", {.inputs = inputs, .outputs = outputs}) {}

at::Tensor Head::operator()(at::Tensor x, VideoStream& stream) const {
  return conv_(activated(norm_, std::move(x)), stream);
}

}  // namespace dfm::encoders
