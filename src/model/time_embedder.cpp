#include "model/time_embedder.h"

#include <algorithm>

#include "nn/embedding.h"

namespace dfm::model {
namespace {

using nn::Linear;
using nn::Scope;

constexpr std::int64_t kFpsWidth = 256;
// Training batches of the reference carry no frame rate; its default stands in.
constexpr double kFramesPerSecond = 30;

}  // namespace

ScalarEmbedder::ScalarEmbedder(const Scope& scope, std::int64_t width)
    : linear_1_(Linear::with_bias(scope.child("linear_1"), width, width)),
      linear_2_(Linear::with_bias(scope.child("linear_2"), width, width)) {}

at::Tensor ScalarEmbedder::operator()(const at::Tensor& sinusoids) const {
  return linear_2_(at::silu(linear_1_(sinusoids)));
}

TimeEmbedder::TimeEmbedder(nn::ParameterList& parameters, std::int64_t width)
    : width_(width),
      t_embedder_(Scope(parameters, "t_embedder.1").on_all_stages(), width),
      fps_embedder_(Scope(parameters, "fps_embedder.1").on_all_stages(), kFpsWidth) {}

at::Tensor TimeEmbedder::operator()(const at::Tensor& noise_level, at::ScalarType dtype) const {
  const at::Tensor time = t_embedder_(nn::sinusoid(noise_level, width_, 0).to(dtype));
  const at::Tensor rates = at::full_like(noise_level, kFramesPerSecond);
  const at::Tensor fps = fps_embedder_(nn::sinusoid(rates, kFpsWidth, 1).to(dtype));
  const std::int64_t shared = std::min(kFpsWidth, width_);
  return time + at::constant_pad_nd(fps.narrow(1, 0, shared), {0, width_ - shared});
}

}  // namespace dfm::model
