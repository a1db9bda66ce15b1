// The operators of nn/head_norm.h and nn/rotary.h on GPUs.
#include <limits>

#include <torch/library.h>

#include "cuda/head_norm.h"
#include "cuda/tensor_support.h"

namespace dfm::cuda {
namespace {

HeadShape shape_of(std::int64_t tokens, std::int64_t heads, std::int64_t parts, std::int64_t width) {
  ensure(parts <= kMostParts && width <= kWidestHead, "a head has three parts of 256 features at most");
  ensure(tokens * heads * parts <= std::numeric_limits<std::int32_t>::max(), "heads are counted in 32 bits");
  return {tokens, static_cast<int>(heads), static_cast<int>(parts), static_cast<int>(width)};
}

HeadShape shape_of(const at::Tensor& projected, at::TensorList weights, std::int64_t heads) {
  const auto parts = static_cast<std::int64_t>(weights.size());
  return shape_of(projected.size(0), heads, parts, projected.size(1) / (heads * parts));
}

// Of another order in memory, too, but with the elements of a row side by side.
at::Tensor with_dense_rows(const at::Tensor& heads) {
  return heads.stride(2) == 1 ? heads : heads.contiguous();
}

template <class T>
HeadRows<const T> head_rows_of(const at::Tensor& heads) {
  return {data_of<T>(heads), heads.stride(0), heads.stride(1)};
}

// Those of parts without a norm are empty.
template <class T>
HeadWeights<T> weights_of(at::TensorList weights) {
  HeadWeights<T> result{};
  for (std::size_t part = 0; part < weights.size(); ++part)
    result.of_part[part] = weights[part].numel() == 0 ? nullptr : data_of<T>(weights[part]);
  return result;
}

// [heads, tokens, width], token by token in memory.
at::Tensor heads_of(const at::Tensor& by_token) { return by_token.transpose(0, 1); }

std::vector<at::Tensor> split_heads_on_gpu(const at::Tensor& projected, at::TensorList weights,
                                           std::int64_t heads, double epsilon) {
  const c10::cuda::CUDAGuard on_device(projected.device());
  const HeadShape shape = shape_of(projected, weights, heads);
  std::vector<at::Tensor> parts;
  dispatch(projected, [&]<class T>(T) {
    SplitParts<T> out{};
    for (int part = 0; part < shape.parts; ++part) {
      const at::Tensor by_token = at::empty({shape.tokens, heads, shape.width}, projected.options());
      out.part[part] = data_to<T>(by_token);
      parts.push_back(heads_of(by_token));
    }
    split_heads<T>(data_of<T>(projected), weights_of<T>(weights), out, shape, static_cast<float>(epsilon),
                   stream());
  });
  return parts;
}

std::vector<at::Tensor> split_heads_backward_on_gpu(at::TensorList gradients, const at::Tensor& projected,
                                                    at::TensorList weights, std::int64_t heads,
                                                    double epsilon) {
  const c10::cuda::CUDAGuard on_device(projected.device());
  const HeadShape shape = shape_of(projected, weights, heads);
  const at::Tensor partial = at::empty({split_partial_rows(shape), std::int64_t{shape.parts} * shape.width},
                                       projected.options().dtype(at::kFloat));
  const at::Tensor of_weights = at::empty({shape.parts, shape.width}, projected.options());
  std::vector<at::Tensor> results{at::empty_like(projected)}, incoming;
  for (const at::Tensor& each : gradients) incoming.push_back(with_dense_rows(each));
  dispatch(projected, [&]<class T>(T) {
    SplitGradient<T> gradient{{},
                              data_of<T>(projected),
                              weights_of<T>(weights),
                              data_to<float>(partial),
                              data_to<T>(results[0]),
                              data_to<T>(of_weights)};
    for (int part = 0; part < shape.parts; ++part) gradient.incoming[part] = head_rows_of<T>(incoming[part]);
    split_heads_backward<T>(gradient, shape, static_cast<float>(epsilon), stream());
  });
  for (std::size_t part = 0; part < weights.size(); ++part) {
    const bool has_norm = weights[part].numel() > 0;
    results.push_back(has_norm ? of_weights.select(0, static_cast<std::int64_t>(part)) : at::Tensor());
  }
  return results;
}

at::Tensor turned_on_gpu(const at::Tensor& heads, const at::Tensor& turns, bool back) {
  const c10::cuda::CUDAGuard on_device(heads.device());
  const bool is_dense = heads.stride(2) == 1 && heads.stride(0) % 2 == 0 && heads.stride(1) % 2 == 0 &&
                        heads.storage_offset() % 2 == 0;
  const at::Tensor rows = is_dense ? heads : heads.contiguous(), by = turns.contiguous();
  const HeadShape shape = shape_of(heads.size(1), heads.size(0), 1, heads.size(2));
  const at::Tensor by_token = at::empty({shape.tokens, heads.size(0), heads.size(2)}, heads.options());
  dispatch(heads, [&]<class T>(T) {
    turn<T>(head_rows_of<T>(rows), static_cast<const float2*>(by.const_data_ptr()), data_to<T>(by_token),
            shape, back ? -1.0F : 1.0F, stream());
  });
  return heads_of(by_token);
}

TORCH_LIBRARY_IMPL(dfm, CUDA, library) {
  library.impl("split_heads", split_heads_on_gpu);
  library.impl("split_heads_backward", split_heads_backward_on_gpu);
  library.impl("turned", turned_on_gpu);
}

}  // namespace
}  // namespace dfm::cuda
