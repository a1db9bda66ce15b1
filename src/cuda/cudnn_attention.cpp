// The operators of nn/attention_cudnn.cpp.
#include <limits>

#include <c10/cuda/CUDAGuard.h>
#include <fmt/format.h>
#include <torch/library.h>

#include "cuda/cudnn_geometry.h"

namespace dfm::cuda {
namespace {

using Tensor = const at::Tensor&;
using Counts = at::IntArrayRef;

constexpr std::int64_t kMostWidth = 128, kWidthStep = 8;
// Deterministic, it stores the gradients of all scores of some heads at a time: in so much memory at most.
constexpr std::int64_t kMostScoreBytes = std::int64_t{4} << 30, kScoreBytes = 2, kTile = 128;
// With few keys for many queries, as of texts, that is also the faster way: 1.1 to 1.8 times, measured on an
// H100.
constexpr std::int64_t kFewKeys = 512, kQueriesPerKey = 8, kFewScoreBytes = std::int64_t{2} << 30;

AttentionCall call_of(Tensor q, Tensor k, Tensor v, Counts query_counts, Counts key_counts, double scale,
                      bool deterministic) {
  return {q, k, v, query_counts, key_counts, scale, q.size(1), k.size(1), deterministic};
}

std::int64_t up_to_tile(std::int64_t length) { return (length + kTile - 1) / kTile * kTile; }

// Of the gradients of the scores of a head of keys.
std::int64_t score_bytes(const AttentionCall& call) {
  const AttentionGeometry geometry = geometry_of(call, AttentionDirection::backward);
  return geometry.samples * (call.q.size(1) / call.k.size(1)) * up_to_tile(geometry.query_length) *
         up_to_tile(geometry.key_length) * kScoreBytes;
}

// Heads of keys whose backward pass is one call; 0: not even one fits.
std::int64_t heads_at_once(const AttentionCall& call) {
  const std::int64_t heads = call.k.size(1);
  if (!call.deterministic) return heads;
  std::int64_t most = std::min(heads, kMostScoreBytes / score_bytes(call));
  while (most > 1 && heads % most != 0) --most;  // calls alike have one plan
  return most;
}

bool is_faster_deterministic(const AttentionCall& call) {
  const std::int64_t queries = *std::ranges::max_element(call.query_counts),
                     keys = *std::ranges::max_element(call.key_counts);
  return keys <= kFewKeys && queries >= kQueriesPerKey * keys &&
         score_bytes(call) * call.k.size(1) <= kFewScoreBytes;
}

AttentionCall backward_call(Tensor q, Tensor k, Tensor v, Counts query_counts, Counts key_counts,
                            double scale, bool deterministic) {
  AttentionCall call = call_of(q, k, v, query_counts, key_counts, scale, deterministic);
  call.deterministic = deterministic || is_faster_deterministic(call);
  return call;
}

const void* pointer(Tensor tensor) { return tensor.const_data_ptr(); }

void run(const AttentionCall& call, AttentionDirection direction,
         const std::vector<std::pair<AttentionTensor, const void*>>& tensors) {
  const AttentionGeometry geometry = geometry_of(call, direction);
  AttentionPointers pointers;
  for (const auto& [name, data] : tensors) pointers[name] = const_cast<void*>(data);
  const at::Tensor offsets = add_offsets(call, geometry, pointers);
  execute(attention_plan(geometry, direction), pointers);
}

// cuDNN's order of log-sum-exps as [heads, samples, length] of equal samples, else [heads, 1, rows]; views.
at::Tensor by_heads(Tensor log_sum_exp, const AttentionCall& call) {
  if (log_sum_exp.dim() == 3) return log_sum_exp.transpose(0, 1);
  const at::Tensor rows = log_sum_exp.t();
  const std::int64_t samples = static_cast<std::int64_t>(call.query_counts.size());
  return are_equal(call.query_counts, call.key_counts)
             ? rows.unflatten(1, {samples, call.query_counts.front()})
             : rows.unsqueeze(1);
}

// Back, of `heads` from `begin` on; of some of them a copy, which begins at 16 bytes.
at::Tensor by_cudnn(Tensor log_sum_exp, const AttentionCall& call, std::int64_t begin, std::int64_t heads) {
  const at::Tensor part = log_sum_exp.narrow(0, begin, heads);
  const at::Tensor in_order =
      is_dense(call.query_counts, call.key_counts) ? part.transpose(0, 1) : part.flatten(1).t();
  return heads == log_sum_exp.size(0) ? in_order.contiguous() : in_order.clone(at::MemoryFormat::Contiguous);
}

std::tuple<at::Tensor, at::Tensor> attention(Tensor q, Tensor k, Tensor v, Counts query_counts,
                                             Counts key_counts, double scale) {
  const c10::cuda::CUDAGuard on_device(q.device());
  const AttentionCall call = call_of(q, k, v, query_counts, key_counts, scale, false);
  at::Tensor out = at::empty(q.sizes(), q.options());
  const auto samples = static_cast<std::int64_t>(query_counts.size());
  const auto floats = q.options().dtype(at::kFloat);
  const at::Tensor log_sum_exp = is_dense(query_counts, key_counts)
                                     ? at::empty({samples, q.size(1), query_counts.front()}, floats)
                                     : at::empty({q.size(0), q.size(1)}, floats);
  run(call, AttentionDirection::forward,
      {{kQ, pointer(q)},
       {kK, pointer(k)},
       {kV, pointer(v)},
       {kOut, pointer(out)},
       {kLogSumExp, pointer(log_sum_exp)}});
  return {out, by_heads(log_sum_exp, call)};
}

// The gradients of ragged samples have the strides of what they are of, whatever is said of them.
AttentionCall in_dense_rows(AttentionCall call) {
  if (is_dense(call.query_counts, call.key_counts)) return call;
  for (at::Tensor* const rows : {&call.q, &call.k, &call.v}) *rows = rows->contiguous();
  return call;
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> attention_backward(Tensor dout, Tensor q, Tensor k, Tensor v,
                                                                  Tensor out, Tensor log_sum_exp,
                                                                  Counts query_counts, Counts key_counts,
                                                                  double scale, bool deterministic) {
  const c10::cuda::CUDAGuard on_device(q.device());
  const AttentionCall whole =
      in_dense_rows(backward_call(q, k, v, query_counts, key_counts, scale, deterministic));
  const at::Tensor rows_out = out.contiguous(), rows_dout = dout.contiguous();
  at::Tensor dq = at::empty(q.sizes(), q.options()), dk = at::empty(k.sizes(), k.options()),
             dv = at::empty(v.sizes(), v.options());
  const std::int64_t sharing = q.size(1) / k.size(1), at_once = heads_at_once(whole);
  for (std::int64_t begin = 0; begin < k.size(1); begin += at_once) {
    const AttentionCall call = whole.heads(begin, at_once);
    const auto of_queries = [&](Tensor rows) {
      return pointer(rows.narrow(1, begin * sharing, at_once * sharing));
    };
    const auto of_keys = [&](Tensor rows) { return pointer(rows.narrow(1, begin, at_once)); };
    const at::Tensor sums = by_cudnn(log_sum_exp, whole, begin * sharing, at_once * sharing);
    run(call, AttentionDirection::backward,
        {{kQ, pointer(call.q)},
         {kK, pointer(call.k)},
         {kV, pointer(call.v)},
         {kOut, of_queries(rows_out)},
         {kOutGradient, of_queries(rows_dout)},
         {kLogSumExp, pointer(sums)},
         {kQGradient, of_queries(dq)},
         {kKGradient, of_keys(dk)},
         {kVGradient, of_keys(dv)}});
  }
  return {dq, dk, dv};
}

// Offsets of ragged samples have 31 bits.
bool is_too_long(const AttentionCall& call) {
  const auto elements = [](Tensor rows) { return rows.size(0) * rows.stride(0); };
  return !is_dense(call.query_counts, call.key_counts) &&
         std::max({elements(call.q), elements(call.k), elements(call.v), call.q.numel(), call.k.numel()}) >
             std::numeric_limits<std::int32_t>::max();
}

std::string problem(Tensor q, Tensor k, Tensor v, Counts query_counts, Counts key_counts, double scale,
                    bool backward, bool deterministic) {
  if (q.scalar_type() != at::kBFloat16) return "it takes bfloat16";
  if (q.size(2) > kMostWidth || q.size(2) % kWidthStep != 0)
    return fmt::format("it takes heads of multiples of {} up to {}", kWidthStep, kMostWidth);
  const AttentionCall call = backward ? backward_call(q, k, v, query_counts, key_counts, scale, deterministic)
                                      : call_of(q, k, v, query_counts, key_counts, scale, false);
  if (is_too_long(call)) return "packs of so many rows are beyond its offsets";
  const std::int64_t at_once = heads_at_once(call);
  if (at_once == 0)
    return fmt::format("deterministic, it would need over {} GiB for one head", kMostScoreBytes >> 30);
  const c10::cuda::CUDAGuard on_device(q.device());
  const auto direction = backward ? AttentionDirection::backward : AttentionDirection::forward;
  return attention_plan(geometry_of(call.heads(0, at_once), direction), direction).problem;
}

TORCH_LIBRARY_IMPL(dfm, CUDA, library) {
  library.impl("cudnn_attention", attention);
  library.impl("cudnn_attention_backward", attention_backward);
  library.impl("cudnn_attention_problem", problem);
}

}  // namespace
}  // namespace dfm::cuda
