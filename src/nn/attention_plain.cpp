// Attention by products of matrices, in float32 (float64 for float64): what other kernels are compared with,
// and what does the cases that they cannot.
#include <algorithm>

#include "nn/attention_kernel.h"
#include "nn/head_batches.h"

namespace dfm::nn {
namespace {

// Of scores that exist at once.
constexpr std::int64_t kMostElements = std::int64_t{1} << 26;

// One run of equal samples as batches [n, H, length, d], every query head with its own keys and values.
struct Batch {
  at::Tensor q, k, v;
};

at::ScalarType type_of_products(const at::Tensor& rows) {
  return rows.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

at::Tensor query_rows(const at::Tensor& rows, const EqualRun& run) {
  return query_batch(rows.transpose(0, 1), run);
}
at::Tensor key_rows(const at::Tensor& rows, const EqualRun& run) {
  return key_batch(rows.transpose(0, 1), run);
}

Batch batch_of(const AttentionInputs& in, const EqualRun& run) {
  const auto type = type_of_products(in.q);
  const std::int64_t sharing = in.q.size(1) / in.k.size(1);
  return {query_rows(in.q, run).to(type), spread_heads(key_rows(in.k, run).to(type), sharing),
          spread_heads(key_rows(in.v, run).to(type), sharing)};
}

// Calls f(begin, count) for chunks of the queries of a run.
template <class F>
void for_each_chunk(const EqualRun& run, std::int64_t heads, F&& f) {
  const std::int64_t most = std::max<std::int64_t>(1, kMostElements / (run.samples * heads * run.key_length));
  for (std::int64_t begin = 0; begin < run.query_length; begin += most)
    f(begin, std::min(most, run.query_length - begin));
}

at::Tensor log_sum_exp_rows(const at::Tensor& log_sum_exp, const EqualRun& run) {
  return query_batch(log_sum_exp.unsqueeze(-1), run);
}

Attended forward(const AttentionInputs& in) {
  const at::Tensor out = at::empty(in.q.sizes(), in.q.options());
  const at::Tensor lse =
      at::empty({in.q.size(1), in.q.size(0)}, in.q.options().dtype(type_of_products(in.q)));
  for (const EqualRun& run : equal_runs(in.lengths.queries, in.lengths.keys)) {
    const Batch batch = batch_of(in, run);
    const at::Tensor run_out = query_rows(out, run), run_lse = log_sum_exp_rows(lse, run);
    for_each_chunk(run, in.q.size(1), [&](std::int64_t begin, std::int64_t count) {
      const at::Tensor scores =
          at::matmul(batch.q.narrow(2, begin, count) * in.scale, batch.k.transpose(2, 3));
      const at::Tensor sums = at::logsumexp(scores, -1, true);
      run_lse.narrow(2, begin, count).copy_(sums);
      run_out.narrow(2, begin, count).copy_(at::matmul((scores - sums).exp_(), batch.v));
    });
  }
  return {out, by_samples(lse, in.lengths)};
}

// Adds a chunk of queries to the gradients of a run.
void add_chunk(const Batch& in, const Batch& of_queries, const at::Tensor& lse, double scale,
               const Batch& gradients) {
  const auto& [q, out, dout] = of_queries;
  const at::Tensor p = (at::matmul(q * scale, in.k.transpose(2, 3)) - lse).exp_();
  gradients.v.add_(at::matmul(p.transpose(2, 3), dout));
  const at::Tensor dp = at::matmul(dout, in.v.transpose(2, 3)) - (dout * out).sum(-1, true);
  const at::Tensor ds = (p * dp).mul_(scale);
  gradients.q.copy_(at::matmul(ds, in.k));
  gradients.k.add_(at::matmul(ds.transpose(2, 3), q));
}

AttentionGradients backward(const AttentionInputs& in, const Attended& attended, const at::Tensor& dout,
                            bool /*deterministic*/) {
  const auto type = type_of_products(in.q);
  const std::int64_t sharing = in.q.size(1) / in.k.size(1);
  AttentionGradients all{at::empty(in.q.sizes(), in.q.options()), at::empty(in.k.sizes(), in.k.options()),
                         at::empty(in.v.sizes(), in.v.options())};
  const at::Tensor lse = attended.log_sum_exp.flatten(1);
  for (const EqualRun& run : equal_runs(in.lengths.queries, in.lengths.keys)) {
    const Batch batch = batch_of(in, run);
    const at::Tensor dk = at::zeros_like(batch.k), dv = at::zeros_like(batch.v);
    const auto part = [&](const at::Tensor& rows, std::int64_t begin, std::int64_t count) {
      return query_rows(rows, run).narrow(2, begin, count);
    };
    for_each_chunk(run, in.q.size(1), [&](std::int64_t begin, std::int64_t count) {
      add_chunk(batch,
                {batch.q.narrow(2, begin, count), part(attended.out, begin, count).to(type),
                 part(dout, begin, count).to(type)},
                log_sum_exp_rows(lse, run).narrow(2, begin, count), in.scale,
                {part(all.q, begin, count), dk, dv});
    });
    key_rows(all.k, run).copy_(gathered_heads(dk, sharing));
    key_rows(all.v, run).copy_(gathered_heads(dv, sharing));
  }
  return all;
}

std::string problem(const AttentionInputs& /*in*/, AttentionPass /*pass*/, bool /*deterministic*/) {
  return "";
}

}  // namespace

const AttentionKernel& plain_attention() {
  static constexpr AttentionKernel kernel{"plain", problem, forward, backward};
  return kernel;
}

}  // namespace dfm::nn
