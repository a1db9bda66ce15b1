// The operators of train/optimizer_kernels.h on GPUs.
#include <vector>

#include <torch/library.h>

#include "cuda/optimizer.h"
#include "cuda/tensor_support.h"

namespace dfm::cuda {
namespace {

bool is_bfloat16(const at::Tensor& tensor) {
  const bool is_float = tensor.scalar_type() == at::kFloat;
  ensure(is_float || tensor.scalar_type() == at::kBFloat16, "the optimizer takes float32 and bfloat16 only");
  return !is_float;
}

float* floats_of(const at::Tensor& tensor) { return tensor.mutable_data_ptr<float>(); }

void adam_on_gpu(at::TensorList weights, at::TensorList gradients, at::TensorList first_moments,
                 at::TensorList second_moments, at::TensorList averages, at::TensorList published,
                 const at::Tensor& gradient_scale, at::ArrayRef<double> decays, at::ArrayRef<double> values) {
  const c10::cuda::CUDAGuard on_device(weights[0].device());
  std::vector<AdamSegment> segments;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const bool has_average = !averages.empty(), publishes = !published.empty();
    segments.push_back({.weights = floats_of(weights[i]),
                        .gradient = gradients[i].const_data_ptr(),
                        .first_moment = floats_of(first_moments[i]),
                        .second_moment = floats_of(second_moments[i]),
                        .average = has_average ? floats_of(averages[i]) : nullptr,
                        .published = publishes ? published[i].mutable_data_ptr() : nullptr,
                        .count = weights[i].numel(),
                        .decay = static_cast<float>(decays[i]),
                        .gradient_is_bfloat16 = is_bfloat16(gradients[i]),
                        .published_is_bfloat16 = publishes && is_bfloat16(published[i])});
  }
  const auto value = [&](std::size_t i) { return static_cast<float>(values[i]); };
  adam(segments.data(), static_cast<std::int64_t>(segments.size()),
       {value(0), value(1), value(2), value(3), value(4), value(5)}, gradient_scale.const_data_ptr<float>(),
       stream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

at::Tensor sum_of_squares_on_gpu(at::TensorList tensors) {
  const c10::cuda::CUDAGuard on_device(tensors[0].device());
  std::vector<Values> values;
  for (const at::Tensor& each : tensors)
    values.push_back({each.const_data_ptr(), each.numel(), is_bfloat16(each)});
  const auto count = static_cast<std::int64_t>(values.size());
  const auto wide = tensors[0].options().dtype(at::kDouble);
  const at::Tensor partial = at::empty({parts_of(values.data(), count)}, wide);
  at::Tensor sum = at::empty({}, wide);
  sum_of_squares(values.data(), count, partial.mutable_data_ptr<double>(), sum.mutable_data_ptr<double>(),
                 stream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return sum;
}

TORCH_LIBRARY_IMPL(dfm, CUDA, library) {
  library.impl("adam_", adam_on_gpu);
  library.impl("sum_of_squares", sum_of_squares_on_gpu);
}

}  // namespace
}  // namespace dfm::cuda
