// From tensors to what the kernels of heads take (cuda/head_norm.h).
#pragma once

#include <limits>

#include "cuda/head_norm.h"
#include "cuda/tensor_support.h"

namespace dfm::cuda {

inline HeadShape head_shape(const at::Tensor& projected, at::TensorList weights, std::int64_t heads) {
  const auto parts = static_cast<std::int64_t>(weights.size());
  const std::int64_t tokens = projected.size(0), width = projected.size(1) / (heads * parts);
  ensure(parts <= kMostParts, "a head has three parts at most");
  ensure(tokens * heads * parts <= std::numeric_limits<std::int32_t>::max(), "heads are counted in 32 bits");
  return {tokens, static_cast<int>(heads), static_cast<int>(parts), static_cast<int>(width)};
}

// In any order in memory, but with the elements of a row side by side and each row at an even place.
inline at::Tensor with_dense_rows(const at::Tensor& heads) {
  const bool is_dense = heads.stride(2) == 1 && heads.stride(0) % 2 == 0 && heads.stride(1) % 2 == 0 &&
                        heads.storage_offset() % 2 == 0;
  return is_dense ? heads : heads.contiguous();
}

template <class T>
HeadRows<const T> head_rows_of(const at::Tensor& heads) {
  return {data_of<T>(heads), heads.stride(0), heads.stride(1)};
}

inline std::vector<at::Tensor> with_dense_rows(at::TensorList parts) {
  std::vector<at::Tensor> dense;
  for (const at::Tensor& part : parts) dense.push_back(with_dense_rows(part));
  return dense;
}

template <class T>
HeadParts<T> parts_from(const std::vector<at::Tensor>& tensors) {
  HeadParts<T> result{};
  for (std::size_t part = 0; part < tensors.size(); ++part)
    result.of_part[part] = head_rows_of<T>(tensors[part]);
  return result;
}

// Those of parts without a norm are empty.
template <class T>
HeadWeights<T> weights_of(at::TensorList weights) {
  HeadWeights<T> result{};
  for (std::size_t part = 0; part < weights.size(); ++part)
    result.of_part[part] = weights[part].numel() == 0 ? nullptr : data_of<T>(weights[part]);
  return result;
}

// One for each part, [heads, tokens, width], token by token in memory.
inline std::vector<at::Tensor> empty_heads(const at::Tensor& like, const HeadShape& shape) {
  std::vector<at::Tensor> parts;
  for (int part = 0; part < shape.parts; ++part)
    parts.push_back(at::empty({shape.tokens, shape.heads, shape.width}, like.options()).transpose(0, 1));
  return parts;
}

template <class T>
SplitParts<T> parts_to(const std::vector<at::Tensor>& tensors) {
  SplitParts<T> result{};
  for (std::size_t part = 0; part < tensors.size(); ++part) result.part[part] = data_to<T>(tensors[part]);
  return result;
}

// The row of each part with a norm; undefined for the others.
inline void append_weight_gradients(const at::Tensor& rows, at::TensorList weights,
                                    std::vector<at::Tensor>& results) {
  for (std::size_t part = 0; part < weights.size(); ++part) {
    const bool has_norm = weights[part].numel() > 0;
    results.push_back(has_norm ? rows.select(0, static_cast<std::int64_t>(part)) : at::Tensor());
  }
}

}  // namespace dfm::cuda
