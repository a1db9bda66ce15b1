// The operators of nn/head_norm.h and nn/rotary.h on GPUs.
#include <torch/library.h>

#include "cuda/head_tensors.h"

namespace dfm::cuda {
namespace {

void require_fits(const HeadShape& shape) {
  ensure(shape.width <= kWidestHead, "a head has 256 features at most");
}

std::vector<at::Tensor> split_heads_on_gpu(const at::Tensor& projected, at::TensorList weights,
                                           std::int64_t heads, double epsilon) {
  const c10::cuda::CUDAGuard on_device(projected.device());
  const HeadShape shape = head_shape(projected, weights, heads);
  require_fits(shape);
  std::vector<at::Tensor> parts = empty_heads(projected, shape);
  dispatch(projected, [&]<class T>(T) {
    split_heads<T>(data_of<T>(projected), weights_of<T>(weights), parts_to<T>(parts), shape,
                   static_cast<float>(epsilon), stream());
  });
  return parts;
}

std::vector<at::Tensor> split_heads_backward_on_gpu(at::TensorList gradients, const at::Tensor& projected,
                                                    at::TensorList weights, std::int64_t heads,
                                                    double epsilon) {
  const c10::cuda::CUDAGuard on_device(projected.device());
  const HeadShape shape = head_shape(projected, weights, heads);
  const at::Tensor partial = at::empty({split_partial_rows(shape), std::int64_t{shape.parts} * shape.width},
                                       projected.options().dtype(at::kFloat));
  const at::Tensor of_weights = at::empty({shape.parts, shape.width}, projected.options());
  const std::vector<at::Tensor> incoming = with_dense_rows(gradients);
  std::vector<at::Tensor> results{at::empty_like(projected)};
  dispatch(projected, [&]<class T>(T) {
    const SplitGradient<T> gradient{parts_from<T>(incoming), data_of<T>(projected),  weights_of<T>(weights),
                                    data_to<float>(partial), data_to<T>(results[0]), data_to<T>(of_weights)};
    split_heads_backward<T>(gradient, shape, static_cast<float>(epsilon), stream());
  });
  append_weight_gradients(of_weights, weights, results);
  return results;
}

at::Tensor turned_on_gpu(const at::Tensor& heads, const at::Tensor& turns, bool back) {
  const c10::cuda::CUDAGuard on_device(heads.device());
  const at::Tensor rows = with_dense_rows(heads), by = turns.contiguous();
  const HeadShape shape{heads.size(1), static_cast<int>(heads.size(0)), 1, static_cast<int>(heads.size(2))};
  at::Tensor out = empty_heads(heads, shape).front();
  dispatch(heads, [&]<class T>(T) {
    turn<T>(head_rows_of<T>(rows), static_cast<const float2*>(by.const_data_ptr()), data_to<T>(out), shape,
            back ? -1.0F : 1.0F, stream());
  });
  return out;
}

TORCH_LIBRARY_IMPL(dfm, CUDA, library) {
  library.impl("split_heads", split_heads_on_gpu);
  library.impl("split_heads_backward", split_heads_backward_on_gpu);
  library.impl("turned", turned_on_gpu);
}

}  // namespace
}  // namespace dfm::cuda
