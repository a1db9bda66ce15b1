// modulated_norm of nn/modulation.h, whose RMSNorm has a kernel on GPUs alone.
#include <torch/library.h>

#include "emulated_gpu/counts.h"
#include "emulated_gpu/tensors.h"
#include "nn/operators.h"

namespace dfm::emulated {
namespace {

using Tensor = const at::Tensor&;

// Rows [S, width] and the rows of their samples, in float32.
struct Rows {
  at::Tensor x, sample;

  Rows(Tensor tokens, Tensor begins)
      : x(host_view(tokens).to(at::kFloat)),
        sample(at::repeat_interleave(at::arange(begins.numel() - 1), host_view(begins).diff())) {}

  at::Tensor of_samples(Tensor per_sample) const {
    return host_view(per_sample).to(at::kFloat).index_select(0, sample);
  }
  at::Tensor sums(Tensor per_token, Tensor like) const {
    const at::Tensor zeros = at::zeros(like.sizes(), at::kFloat);
    return on_device(zeros.index_add(0, sample, per_token).to(like.scalar_type()));
  }
};

// moments: (0, 1 / root mean square) of each row.
std::tuple<at::Tensor, at::Tensor> rms_norm(Tensor x, Tensor shift, Tensor scale, Tensor begins,
                                            double epsilon) {
  const Rows rows(x, begins);
  const at::Tensor inverse = (rows.x.square().mean(1, true) + epsilon).rsqrt();
  const at::Tensor y = rows.x * inverse * (1 + rows.of_samples(scale)) + rows.of_samples(shift);
  return {on_device(y.to(x.scalar_type())), on_device(at::cat({at::zeros_like(inverse), inverse}, 1))};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> rms_norm_backward(Tensor dy, Tensor x, Tensor scale,
                                                                 Tensor moments, Tensor begins) {
  const Rows rows(x, begins);
  const at::Tensor inverse = host_view(moments).narrow(1, 1, 1), incoming = host_view(dy).to(at::kFloat);
  const at::Tensor normal = rows.x * inverse, g = incoming * (1 + rows.of_samples(scale));
  const at::Tensor dx = inverse * (g - normal * (g * normal).mean(1, true));
  return {on_device(dx.to(x.scalar_type())), rows.sums(incoming, scale), rows.sums(incoming * normal, scale)};
}

using ForwardOperator =
    nn::Operator<std::tuple<at::Tensor, at::Tensor>(Tensor, Tensor, Tensor, Tensor, double, bool)>;
using BackwardOperator = nn::Operator<std::tuple<at::Tensor, at::Tensor, at::Tensor>(Tensor, Tensor, Tensor,
                                                                                     Tensor, Tensor, bool)>;

std::tuple<at::Tensor, at::Tensor> modulated_norm(Tensor x, Tensor shift, Tensor scale, Tensor begins,
                                                  double epsilon, bool centers) {
  static const ForwardOperator on_cpu("dfm::modulated_norm");
  count_operator("dfm::modulated_norm");
  if (!centers) return rms_norm(x, shift, scale, begins, epsilon);
  const auto [y, moments] =
      on_cpu(host_view(x), host_view(shift), host_view(scale), host_view(begins), epsilon, centers);
  return {on_device(y), on_device(moments)};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> modulated_norm_backward(Tensor dy, Tensor x, Tensor scale,
                                                                       Tensor moments, Tensor begins,
                                                                       bool centers) {
  static const BackwardOperator on_cpu("dfm::modulated_norm_backward");
  count_operator("dfm::modulated_norm_backward");
  if (!centers) return rms_norm_backward(dy, x, scale, moments, begins);
  const auto [dx, dshift, dscale] =
      on_cpu(host_view(dy), host_view(x), host_view(scale), host_view(moments), host_view(begins), centers);
  return {on_device(dx), on_device(dshift), on_device(dscale)};
}

TORCH_LIBRARY_IMPL(dfm, CUDA, library) {
  library.impl("modulated_norm", modulated_norm);
  library.impl("modulated_norm_backward", modulated_norm_backward);
}

}  // namespace
}  // namespace dfm::emulated
