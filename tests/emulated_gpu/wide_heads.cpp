// The operators of nn/wide_heads.h, which have a kernel on GPUs alone: split, RMSNorm over all heads together
// (Zhang and Sennrich 2019, equation 4), rotary turns; in float32.
#include <torch/library.h>

#include "emulated_gpu/counts.h"
#include "emulated_gpu/tensors.h"

namespace dfm::emulated {
namespace {

// Of one part, [S, H * d].
struct Normed {
  at::Tensor x, inverse, weight;  // inverse: 1 / root mean square of each row

  Normed(const at::Tensor& rows, const at::Tensor& weights, double epsilon)
      : x(rows.to(at::kFloat)),
        inverse((x.square().mean(1, true) + epsilon).rsqrt()),
        weight(weights.to(at::kFloat)) {}

  at::Tensor values() const { return x * inverse * weight; }
  at::Tensor of_rows(const at::Tensor& gradient) const {
    const at::Tensor g = gradient * weight;
    return inverse * (g - x * inverse.square() * (g * x).mean(1, true));
  }
  at::Tensor of_weight(const at::Tensor& gradient) const { return (gradient * x * inverse).sum(0); }
};

at::Tensor part_of(const at::Tensor& projected, std::int64_t heads, std::int64_t parts, std::int64_t part) {
  return projected.unflatten(1, {heads, parts, -1}).select(2, part).flatten(1);
}

// [S, H, d] turned by [S, d/2] angles on the circle.
at::Tensor turned(const at::Tensor& heads, const at::Tensor& turns) {
  const at::Tensor pairs = at::view_as_complex(heads.contiguous().unflatten(-1, {-1, 2}));
  return at::view_as_real(pairs * turns.unsqueeze(1)).flatten(-2);
}

// The parts of a projection as the host sees them.
struct Parts {
  at::Tensor projected, circle;
  std::vector<at::Tensor> weights;
  std::int64_t heads;
  double epsilon;

  Parts(const at::Tensor& of_device, at::TensorList weights_there, const at::Tensor& turns,
        std::int64_t count, double least)
      : projected(host_view(of_device)), circle(host_view(turns)), heads(count), epsilon(least) {
    for (const at::Tensor& weight : weights_there) weights.push_back(host_view(weight));
  }

  at::Tensor rows(std::size_t part) const {
    return part_of(projected, heads, static_cast<std::int64_t>(weights.size()),
                   static_cast<std::int64_t>(part));
  }
  bool has_norm(std::size_t part) const { return weights[part].numel() > 0; }
  bool is_turned(std::size_t part) const { return has_norm(part) && circle.numel() > 0; }

  // [S, H, d].
  at::Tensor values(std::size_t part) const {
    const at::Tensor normed =
        has_norm(part) ? Normed(rows(part), weights[part], epsilon).values() : rows(part);
    const at::Tensor each = normed.unflatten(1, {heads, -1});
    return is_turned(part) ? turned(each, circle) : each;
  }

  // Of the normed rows, [S, H * d]; gradient: of the part, [H, S, d].
  at::Tensor turned_back(std::size_t part, const at::Tensor& gradient) const {
    const at::Tensor each = gradient.transpose(0, 1).to(at::kFloat);
    return (is_turned(part) ? turned(each, circle.conj()) : each).flatten(1);
  }
};

std::vector<at::Tensor> split(const at::Tensor& projected, at::TensorList weights, const at::Tensor& turns,
                              std::int64_t heads, double epsilon) {
  count_operator("dfm::split_wide_heads");
  const Parts parts(projected, weights, turns, heads, epsilon);
  std::vector<at::Tensor> results;
  for (std::size_t part = 0; part < weights.size(); ++part)
    results.push_back(on_device(parts.values(part).to(projected.scalar_type()).contiguous()).transpose(0, 1));
  return results;
}

// The gradient of `projected`, then those of the weights.
std::vector<at::Tensor> split_backward(at::TensorList gradients, const at::Tensor& projected,
                                       at::TensorList weights, const at::Tensor& turns, std::int64_t heads,
                                       double epsilon) {
  count_operator("dfm::split_wide_heads_backward");
  const Parts parts(projected, weights, turns, heads, epsilon);
  std::vector<at::Tensor> of_parts, results(1);
  for (std::size_t part = 0; part < weights.size(); ++part) {
    at::Tensor gradient = parts.turned_back(part, host_view(gradients[part])), of_weight;
    if (parts.has_norm(part)) {
      const Normed normed(parts.rows(part), parts.weights[part], epsilon);
      of_weight = on_device(normed.of_weight(gradient).to(projected.scalar_type()));
      gradient = normed.of_rows(gradient);
    }
    of_parts.push_back(gradient.unflatten(1, {heads, -1}));
    results.push_back(of_weight);
  }
  results[0] = on_device(at::stack(of_parts, 2).flatten(1).to(projected.scalar_type()));
  return results;
}

TORCH_LIBRARY_IMPL(dfm, CUDA, library) {
  library.impl("split_wide_heads", split);
  library.impl("split_wide_heads_backward", split_backward);
}

}  // namespace
}  // namespace dfm::emulated
