// Heads of a pack [H, S, d] as the batches [samples, H, length, d] that attention kernels take; views,
// nothing is copied. And heads of keys and values that several query heads share.
#pragma once

#include "nn/pack.h"
#include "nn/torch_header.h"

namespace dfm::nn {

inline at::Tensor row_batch(const at::Tensor& heads, std::int64_t begin, std::int64_t samples,
                            std::int64_t length) {
  return heads.narrow(1, begin, samples * length).unflatten(1, {samples, length}).transpose(0, 1);
}
inline at::Tensor query_batch(const at::Tensor& heads, const EqualRun& run) {
  return row_batch(heads, run.query_begin, run.samples, run.query_length);
}
inline at::Tensor key_batch(const at::Tensor& heads, const EqualRun& run) {
  return row_batch(heads, run.key_begin, run.samples, run.key_length);
}

// Of a batch of keys or values, each as often as `sharing` query heads use it.
inline at::Tensor spread_heads(const at::Tensor& shared, std::int64_t sharing) {
  return sharing == 1 ? shared : shared.repeat_interleave(sharing, 1);
}
// The adjoint: what the heads that share one add up to.
inline at::Tensor gathered_heads(const at::Tensor& gradient, std::int64_t sharing) {
  return sharing == 1 ? gradient : gradient.unflatten(1, {-1, sharing}).sum(2);
}

}  // namespace dfm::nn
