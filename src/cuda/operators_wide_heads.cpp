// The operators of nn/wide_heads.h.
#include <torch/library.h>

#include "cuda/head_tensors.h"
#include "cuda/wide_norm.h"

namespace dfm::cuda {
namespace {

const float2* turns_of(const at::Tensor& turns) {
  return turns.numel() == 0 ? nullptr : static_cast<const float2*>(turns.const_data_ptr());
}

template <class T>
void require_fits(const HeadShape& shape) {
  ensure(shape.width % 2 == 0, "heads that are turned have pairs of features");
  ensure(wide_heads_fit<T>(shape), "a token's heads fit into the memory of a block of threads");
}

std::vector<at::Tensor> split_wide_heads_on_gpu(const at::Tensor& projected, at::TensorList weights,
                                                const at::Tensor& turns, std::int64_t heads, double epsilon) {
  const c10::cuda::CUDAGuard on_device(projected.device());
  const HeadShape shape = head_shape(projected, weights, heads);
  const at::Tensor dense = turns.contiguous();
  std::vector<at::Tensor> parts = empty_heads(projected, shape);
  dispatch(projected, [&]<class T>(T) {
    require_fits<T>(shape);
    split_wide_heads<T>(data_of<T>(projected), weights_of<T>(weights), turns_of(dense), parts_to<T>(parts),
                        shape, static_cast<float>(epsilon), stream());
  });
  return parts;
}

std::vector<at::Tensor> split_wide_heads_backward_on_gpu(at::TensorList gradients,
                                                         const at::Tensor& projected, at::TensorList weights,
                                                         const at::Tensor& turns, std::int64_t heads,
                                                         double epsilon) {
  const c10::cuda::CUDAGuard on_device(projected.device());
  const HeadShape shape = head_shape(projected, weights, heads);
  const std::int64_t features = heads * shape.width;
  const at::Tensor partial =
      at::empty({shape.parts, wide_partial_rows(shape), features}, projected.options().dtype(at::kFloat));
  const at::Tensor of_weights = at::empty({shape.parts, features}, projected.options()),
                   dense = turns.contiguous();
  const std::vector<at::Tensor> incoming = with_dense_rows(gradients);
  std::vector<at::Tensor> results{at::empty_like(projected)};
  dispatch(projected, [&]<class T>(T) {
    const WideGradient<T> gradient{parts_from<T>(incoming), data_of<T>(projected),   weights_of<T>(weights),
                                   turns_of(dense),         data_to<float>(partial), data_to<T>(results[0]),
                                   data_to<T>(of_weights)};
    split_wide_heads_backward<T>(gradient, shape, static_cast<float>(epsilon), stream());
  });
  append_weight_gradients(of_weights, weights, results);
  return results;
}

TORCH_LIBRARY_IMPL(dfm, CUDA, library) {
  library.impl("split_wide_heads", split_wide_heads_on_gpu);
  library.impl("split_wide_heads_backward", split_wide_heads_backward_on_gpu);
}

}  // namespace
}  // namespace dfm::cuda
