#include "nn/ring_blocks.h"

#include <cmath>
#include <limits>

#include "nn/attention_choice.h"
#include "nn/attention_stretches.h"
#include "nn/head_batches.h"
#include "nn/kernel_support.h"
#include "nn/operators.h"

namespace dfm::nn {
namespace {

// Adds a part with its own log-sum-exp to what there is.
void merge(const at::Tensor& out, const at::Tensor& lse, const at::Tensor& part, const at::Tensor& part_lse) {
  const at::Tensor both = at::logaddexp(lse, part_lse);
  out.mul_((lse - both).exp()).add_(part * (part_lse - both).exp());
  lse.copy_(both);
}

void add_by_runs(const at::Tensor& q, const at::Tensor& kv, const BlockCounts& counts,
                 const PartialAttention& so_far) {
  const auto wide = product_type(q.scalar_type());
  const std::int64_t sharing = q.size(0) / kv.size(1);
  for (const EqualRun& run : runs_with_tokens(counts.queries, counts.keys)) {
    const auto [part, part_lse] = at::_scaled_dot_product_flash_attention_for_cpu(
        query_batch(q, run).to(wide), spread_heads(key_batch(kv[0], run).to(wide), sharing),
        spread_heads(key_batch(kv[1], run).to(wide), sharing));
    merge(query_batch(so_far.out, run), query_batch(so_far.log_sum_exp, run), part.to(at::kFloat),
          part_lse.to(at::kFloat).unsqueeze(-1));
  }
}

void add_gradient_by_runs(const RingGradient& of, const at::Tensor& kv, const BlockCounts& counts,
                          const at::Tensor& dkv) {
  const auto wide = product_type(of.dout.scalar_type());
  const std::int64_t sharing = of.dout.size(0) / kv.size(1);
  for (const EqualRun& run : runs_with_tokens(counts.queries, counts.keys)) {
    const auto [part_q, part_k, part_v] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
        query_batch(of.dout, run).to(wide), query_batch(of.q, run).to(wide),
        spread_heads(key_batch(kv[0], run).to(wide), sharing),
        spread_heads(key_batch(kv[1], run).to(wide), sharing), query_batch(of.whole.out, run).to(wide),
        query_batch(of.whole.log_sum_exp, run).squeeze(-1), 0.0, false);
    query_batch(of.dq, run).add_(part_q);
    key_batch(dkv[0], run).copy_(gathered_heads(part_k, sharing));
    key_batch(dkv[1], run).copy_(gathered_heads(part_v, sharing));
  }
}

// [H, S, d] -> rows [S, H, d].
at::Tensor rows(const at::Tensor& heads) { return heads.transpose(0, 1); }

AttentionInputs inputs(const at::Tensor& q, const at::Tensor& kv, const Stretch& stretch) {
  return {stretch.of_queries(rows(q)), stretch.of_keys(rows(kv[0])), stretch.of_keys(rows(kv[1])),
          stretch.lengths, 1 / std::sqrt(static_cast<double>(q.size(2)))};
}

// Rows: out [S, H, d] and lse [S, H] float32, into which part and part_lse go.
void merge_rows(const at::Tensor& out, const at::Tensor& lse, const at::Tensor& part,
                const at::Tensor& part_lse) {
  merge(out, lse.unsqueeze(-1), part.to(at::kFloat), part_lse.unsqueeze(-1));
}

TORCH_LIBRARY_FRAGMENT(dfm, library) {
  library.def("merge_attention(Tensor(a!) out, Tensor(b!) lse, Tensor part, Tensor part_lse) -> ()");
}
TORCH_LIBRARY_IMPL(dfm, CPU, library) { library.impl("merge_attention", merge_rows); }

void add_by_stretches(const at::Tensor& q, const at::Tensor& kv, const BlockCounts& counts,
                      const PartialAttention& so_far) {
  static const Operator<void(const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&)> op(
      "dfm::merge_attention");
  for (const Stretch& stretch : stretches(counts.queries, counts.keys)) {
    const Attended part = attend(inputs(q, kv, stretch));
    op(stretch.of_queries(rows(so_far.out)), stretch.of_queries(rows(so_far.log_sum_exp.squeeze(-1))),
       part.out, part.log_sum_exp.flatten(1).t());
  }
}

void add_gradient_by_stretches(const RingGradient& of, const at::Tensor& kv, const BlockCounts& counts,
                               const at::Tensor& dkv) {
  for (const Stretch& stretch : stretches(counts.queries, counts.keys)) {
    const at::Tensor sums =
        of.whole.log_sum_exp.squeeze(-1).narrow(1, stretch.query_begin, stretch.query_rows);
    const AttentionGradients part =
        attention_gradients(inputs(of.q, kv, stretch),
                            {stretch.of_queries(rows(of.whole.out)), by_samples(sums, stretch.lengths)},
                            stretch.of_queries(rows(of.dout)));
    stretch.of_queries(rows(of.dq)).add_(part.q);
    stretch.of_keys(rows(dkv[0])).copy_(part.k);
    stretch.of_keys(rows(dkv[1])).copy_(part.v);
  }
}

}  // namespace

at::Tensor float_zeros_like(const at::Tensor& heads) {
  const auto floats = heads.options().dtype(at::kFloat);
  if (!attends_by_kernels(heads)) return at::zeros(heads.sizes(), floats);
  return at::zeros(rows(heads).sizes(), floats).transpose(0, 1);
}

PartialAttention nothing_attended(const at::Tensor& q) {
  return {float_zeros_like(q), at::full({q.size(0), q.size(1), 1}, -std::numeric_limits<float>::infinity(),
                                        q.options().dtype(at::kFloat))};
}

void add_block(const at::Tensor& q, const at::Tensor& kv, const BlockCounts& counts,
               const PartialAttention& so_far) {
  (attends_by_kernels(q) ? add_by_stretches : add_by_runs)(q, kv, counts, so_far);
}

at::Tensor block_gradient(const RingGradient& of, const at::Tensor& kv, const BlockCounts& counts) {
  const at::Tensor dkv = at::zeros(kv.sizes(), kv.options().dtype(at::kFloat));
  (attends_by_kernels(of.dout) ? add_gradient_by_stretches : add_gradient_by_runs)(of, kv, counts, dkv);
  return dkv;
}

}  // namespace dfm::nn
