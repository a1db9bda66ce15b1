#include "nn/modulation.h"

#include <cmath>

#include "nn/kernel_support.h"
#include "nn/operators.h"
#include "nn/sample_rows.h"

namespace dfm::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Moments {
  float mean, inverse_deviation;
};

template <class T>
DFM_VECTOR_CLONES Moments moments_of(const T* x, std::int64_t width, float epsilon) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < width; ++i) sum += load(x[i]);
  const float mean = sum / static_cast<float>(width);
  float squares = 0;
#pragma omp simd reduction(+ : squares)
  for (std::int64_t i = 0; i < width; ++i) squares += (load(x[i]) - mean) * (load(x[i]) - mean);
  return {mean, 1.0F / std::sqrt(squares / static_cast<float>(width) + epsilon)};
}

template <class T>
DFM_VECTOR_CLONES void modulate_row(const T* x, const T* shift, const T* scale, Moments moments, T* y,
                                    std::int64_t width) {
#pragma omp simd
  for (std::int64_t i = 0; i < width; ++i) {
    const float normal = (load(x[i]) - moments.mean) * moments.inverse_deviation;
    store(normal * (1.0F + load(scale[i])) + load(shift[i]), y[i]);
  }
}

// With g = dy (1 + scale) and the normalised x: dx = (g - mean(g) - x mean(g x)) / deviation.
template <class T>
DFM_VECTOR_CLONES void modulate_row_backward(const T* x, const T* scale, const T* dy, Moments moments, T* dx,
                                             float* shift_sum, float* scale_sum, std::int64_t width) {
  float sum = 0, dot = 0;
#pragma omp simd reduction(+ : sum, dot)
  for (std::int64_t i = 0; i < width; ++i) {
    const float normal = (load(x[i]) - moments.mean) * moments.inverse_deviation;
    const float incoming = load(dy[i]);
    const float g = incoming * (1.0F + load(scale[i]));
    sum += g;
    dot += g * normal;
    shift_sum[i] += incoming;
    scale_sum[i] += incoming * normal;
  }
  sum /= static_cast<float>(width);
  dot /= static_cast<float>(width);
#pragma omp simd
  for (std::int64_t i = 0; i < width; ++i) {
    const float normal = (load(x[i]) - moments.mean) * moments.inverse_deviation;
    const float g = load(dy[i]) * (1.0F + load(scale[i]));
    store((g - sum - normal * dot) * moments.inverse_deviation, dx[i]);
  }
}

Moments* moments_in(const at::Tensor& tensor) {
  return reinterpret_cast<Moments*>(tensor.mutable_data_ptr<float>());
}

std::tuple<at::Tensor, at::Tensor> modulated_norm_on_cpu(const at::Tensor& x, const at::Tensor& shift,
                                                         const at::Tensor& scale, const at::Tensor& begins,
                                                         double epsilon, bool centers) {
  ensure(centers, "the CPU makes an RMSNorm of plain operators");
  const std::int64_t width = x.size(1);
  at::Tensor y = at::empty_like(x);
  at::Tensor moments = at::empty({x.size(0), 2}, at::kFloat);
  Moments* const saved = moments_in(moments);
  dispatch(x, [&]<class T>(T) {
    const auto* const in = x.const_data_ptr<T>();
    auto* const out = y.mutable_data_ptr<T>();
    const auto shifts = rows_of<T>(shift), scales = rows_of<T>(scale);
    for_each_block(blocks_of(begins), [&](std::int64_t, const TokenBlock& block) {
      for (std::int64_t t = block.begin; t < block.end; ++t) {
        saved[t] = moments_of(in + t * width, width, static_cast<float>(epsilon));
        modulate_row(in + t * width, shifts.row(block.sample), scales.row(block.sample), saved[t],
                     out + t * width, width);
      }
    });
  });
  return {y, moments};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> modulated_norm_backward_on_cpu(
    const at::Tensor& dy, const at::Tensor& x, const at::Tensor& scale, const at::Tensor& moments,
    const at::Tensor& begins, bool /*centers*/) {
  const auto blocks = blocks_of(begins);
  const Moments* const saved = moments_in(moments);
  const std::int64_t width = x.size(1);
  at::Tensor dx = at::empty_like(x);
  at::Tensor partial = at::zeros({static_cast<std::int64_t>(blocks.size()), 2 * width}, at::kFloat);
  auto* const sums = partial.mutable_data_ptr<float>();
  dispatch(x, [&]<class T>(T) {
    const auto *const in = x.const_data_ptr<T>(), *const incoming = dy.const_data_ptr<T>();
    auto* const out = dx.mutable_data_ptr<T>();
    const auto scales = rows_of<T>(scale);
    for_each_block(blocks, [&](std::int64_t i, const TokenBlock& block) {
      float* const shift_sum = sums + i * 2 * width;
      for (std::int64_t t = block.begin; t < block.end; ++t) {
        modulate_row_backward(in + t * width, scales.row(block.sample), incoming + t * width, saved[t],
                              out + t * width, shift_sum, shift_sum + width, width);
      }
    });
  });
  const auto both = sum_by_sample(partial, blocks, scale.size(0)).to(scale.scalar_type()).chunk(2, 1);
  return {dx, both[0], both[1]};
}

// moments: what the backward pass needs of the rows, float32 [S, 2]. Without `centers` it is an RMSNorm, on
// GPUs only; there shift and scale may be float32 beside tokens of another type.
TORCH_LIBRARY_FRAGMENT(dfm, library) {
  library.def(
      "modulated_norm(Tensor x, Tensor shift, Tensor scale, Tensor begins, float epsilon, bool centers) -> "
      "(Tensor, Tensor)");
  library.def(
      "modulated_norm_backward(Tensor dy, Tensor x, Tensor scale, Tensor moments, Tensor begins, "
      "bool centers) -> (Tensor, Tensor, Tensor)");
}
TORCH_LIBRARY_IMPL(dfm, CPU, library) {
  library.impl("modulated_norm", modulated_norm_on_cpu);
  library.impl("modulated_norm_backward", modulated_norm_backward_on_cpu);
}

using ForwardOperator = Operator<std::tuple<at::Tensor, at::Tensor>(
    const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&, double, bool)>;
using BackwardOperator = Operator<std::tuple<at::Tensor, at::Tensor, at::Tensor>(
    const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&, bool)>;

struct ModulatedNorm : torch::autograd::Function<ModulatedNorm> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& shift,
                            const at::Tensor& scale, const at::Tensor& begins, double epsilon, bool centers) {
    static const ForwardOperator forward_operator("dfm::modulated_norm");
    auto [y, moments] = forward_operator(x, shift, scale, begins, epsilon, centers);
    context->save_for_backward({x, scale, moments, begins});
    context->saved_data["centers"] = centers;
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    static const BackwardOperator backward_operator("dfm::modulated_norm_backward");
    const auto saved = context->get_saved_variables();
    auto [dx, dshift, dscale] = backward_operator(gradients[0].contiguous(), saved[0], saved[1], saved[2],
                                                  saved[3], context->saved_data["centers"].toBool());
    return {dx, dshift, dscale, {}, {}, {}};
  }
};

}  // namespace

at::Tensor modulated_norm(const at::Tensor& x, const at::Tensor& shift, const at::Tensor& scale,
                          double epsilon, const PackLayout& layout) {
  return ModulatedNorm::apply(x.contiguous(), with_dense_rows(shift), with_dense_rows(scale),
                              layout.token_begins_on(x.device()), epsilon, true);
}

at::Tensor modulated_rms_norm(const at::Tensor& x, const at::Tensor& weight, const Modulation& modulation,
                              double epsilon, const PackLayout& layout) {
  if (x.is_cpu()) {
    const at::Tensor norm = at::rms_norm(x, {x.size(1)}, weight, epsilon);
    return norm * layout.per_token(1 + modulation.scale) + layout.per_token(modulation.shift);
  }
  // The kernel knows one factor a sample, 1 + scale.
  const at::Tensor scale = (1 + modulation.scale.to(at::kFloat)) * weight.to(at::kFloat) - 1;
  return ModulatedNorm::apply(x.contiguous(), modulation.shift.to(at::kFloat).contiguous(), scale,
                              layout.token_begins_on(x.device()), epsilon, false);
}

}  // namespace dfm::nn
