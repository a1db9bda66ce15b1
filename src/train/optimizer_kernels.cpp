#include "train/optimizer_kernels.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "nn/kernel_support.h"
#include "nn/operators.h"

namespace dfm::train {
namespace {

using nn::load;

constexpr std::int64_t kGrain = 1 << 14;

// What one element's update needs, in float32.
struct Coefficients {
  float beta1, beta2, epsilon, rate, root_correction, decay, gradient_scale;
};

template <class T>
DFM_VECTOR_CLONES void adam_chunk(float* w, const T* g, float* m, float* v, std::int64_t count,
                                  Coefficients c) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    const float gradient = load(g[i]) * c.gradient_scale;
    m[i] += (1 - c.beta1) * (gradient - m[i]);
    v[i] = c.beta2 * v[i] + (1 - c.beta2) * gradient * gradient;
    w[i] = w[i] * c.decay - c.rate * m[i] / (std::sqrt(v[i]) * c.root_correction + c.epsilon);
  }
}

void adam_segment(const at::Tensor& weights, const at::Tensor& gradient, const at::Tensor& first_moment,
                  const at::Tensor& second_moment, const Coefficients& c) {
  auto *const w = weights.mutable_data_ptr<float>(), *const m = first_moment.mutable_data_ptr<float>(),
              *const v = second_moment.mutable_data_ptr<float>();
  nn::dispatch(gradient, [&]<class T>(T) {
    const T* const g = gradient.const_data_ptr<T>();
    at::parallel_for(0, weights.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      adam_chunk(w + begin, g + begin, m + begin, v + begin, end - begin, c);
    });
  });
}

Coefficients coefficients(at::ArrayRef<double> values, double decay, const at::Tensor& gradient_scale) {
  const auto value = [&](std::size_t i) { return static_cast<float>(values[i]); };
  return {.beta1 = value(0),
          .beta2 = value(1),
          .epsilon = value(2),
          .rate = value(3),
          .root_correction = value(4),
          .decay = static_cast<float>(decay),
          .gradient_scale = *gradient_scale.const_data_ptr<float>()};
}

void adam_on_cpu(at::TensorList weights, at::TensorList gradients, at::TensorList first_moments,
                 at::TensorList second_moments, at::TensorList averages, at::TensorList published,
                 const at::Tensor& gradient_scale, at::ArrayRef<double> decays, at::ArrayRef<double> values) {
  for (std::size_t i = 0; i < weights.size(); ++i) {
    adam_segment(weights[i], gradients[i], first_moments[i], second_moments[i],
                 coefficients(values, decays[i], gradient_scale));
    if (!averages.empty()) averages[i].lerp_(weights[i], values[5]);
    if (!published.empty()) published[i].copy_(weights[i]);
  }
}

constexpr std::int64_t kBlock = 1024;
constexpr std::int64_t kBlocksInTask = 16;

template <class T>
DFM_VECTOR_CLONES float block_sum_of_squares(const T* x, std::int64_t count) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < count; ++i) sum += load(x[i]) * load(x[i]);
  return sum;
}

// Blocks are summed in float32, their sums added in float64 in order.
double squares_of(const at::Tensor& values) {
  std::vector<float> sums(static_cast<std::size_t>((values.numel() + kBlock - 1) / kBlock));
  nn::dispatch(values, [&]<class T>(T) {
    const T* const x = values.const_data_ptr<T>();
    at::parallel_for(
        0, static_cast<std::int64_t>(sums.size()), kBlocksInTask, [&](std::int64_t first, std::int64_t last) {
          for (std::int64_t i = first; i < last; ++i) {
            sums[i] = block_sum_of_squares(x + i * kBlock, std::min(kBlock, values.numel() - i * kBlock));
          }
        });
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

at::Tensor sum_of_squares_on_cpu(at::TensorList tensors) {
  double total = 0;
  for (const at::Tensor& each : tensors) total += squares_of(each);
  return at::scalar_tensor(total, at::kDouble);
}

// coefficients: beta1, beta2, epsilon, rate, root_correction, average_rate; decays: the factor of each
// segment's weights.
TORCH_LIBRARY_FRAGMENT(dfm, library) {
  library.def(
      "adam_(Tensor(a!)[] weights, Tensor[] gradients, Tensor(b!)[] first_moments, "
      "Tensor(c!)[] second_moments, Tensor(d!)[] averages, Tensor(e!)[] published, Tensor gradient_scale, "
      "float[] decays, float[] coefficients) -> ()");
  library.def("sum_of_squares(Tensor[] tensors) -> Tensor");
}
TORCH_LIBRARY_IMPL(dfm, CPU, library) {
  library.impl("adam_", adam_on_cpu);
  library.impl("sum_of_squares", sum_of_squares_on_cpu);
}

using AdamOperator =
    nn::Operator<void(at::TensorList, at::TensorList, at::TensorList, at::TensorList, at::TensorList,
                      at::TensorList, const at::Tensor&, at::ArrayRef<double>, at::ArrayRef<double>)>;

// One tensor of each segment; none where the first has none.
std::vector<at::Tensor> each(const std::vector<AdamSegment>& segments, at::Tensor AdamSegment::*member) {
  std::vector<at::Tensor> tensors;
  if (!(segments.front().*member).defined()) return tensors;
  std::ranges::transform(segments, std::back_inserter(tensors), member);
  return tensors;
}

}  // namespace

void update_by_adam(const std::vector<AdamSegment>& segments, const AdamStep& step,
                    const at::Tensor& gradient_scale) {
  static const AdamOperator adam("dfm::adam_");
  if (segments.empty()) return;
  std::vector<double> decays;
  for (const AdamSegment& segment : segments) decays.push_back(segment.decays ? step.decay : 1.0);
  adam(each(segments, &AdamSegment::weights), each(segments, &AdamSegment::gradient),
       each(segments, &AdamSegment::first_moment), each(segments, &AdamSegment::second_moment),
       each(segments, &AdamSegment::average), each(segments, &AdamSegment::published), gradient_scale, decays,
       {step.beta1, step.beta2, step.epsilon, step.rate, step.root_correction, step.average_rate});
}

at::Tensor sum_of_squares(const std::vector<at::Tensor>& tensors, const at::Device& device) {
  static const nn::Operator<at::Tensor(at::TensorList)> squares("dfm::sum_of_squares");
  if (tensors.empty()) return at::zeros({}, at::TensorOptions(device).dtype(at::kDouble));
  return squares(tensors);
}

}  // namespace dfm::train
