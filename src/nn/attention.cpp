#include "nn/attention.h"

#include <algorithm>

#include "nn/attention_choice.h"
#include "nn/context_attention.h"
#include "nn/device_attention.h"
#include "nn/head_batches.h"
#include "nn/kernel_support.h"
#include "nn/needed_keys.h"

namespace dfm::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct RunTensors {
  at::Tensor q, k, v;

  RunTensors to(at::ScalarType type) const { return {q.to(type), k.to(type), v.to(type)}; }
  // Every query head with its own key and value.
  RunTensors spread(std::int64_t sharing) const {
    return {q, spread_heads(k, sharing), spread_heads(v, sharing)};
  }
};

RunTensors tensors_of(const EqualRun& run, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  return {query_batch(q, run), key_batch(k, run), key_batch(v, run)};
}

// Rows of the output [S, H, d] as a batch [samples, H, length, d].
at::Tensor output_batch(const at::Tensor& rows, const EqualRun& run) {
  return rows.narrow(0, run.query_begin, run.samples * run.query_length)
      .unflatten(0, {run.samples, run.query_length})
      .transpose(1, 2);
}

struct PackedAttention : torch::autograd::Function<PackedAttention> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, const std::vector<std::int64_t>& query_counts,
                            const std::vector<std::int64_t>& key_counts) {
    at::Tensor out = at::empty({q.size(1), q.size(0), q.size(2)}, q.options());
    variable_list saved{q, k, v, out};
    const std::int64_t sharing = q.size(0) / k.size(0);
    for (const EqualRun& run : runs_with_tokens(query_counts, key_counts)) {
      const RunTensors in = tensors_of(run, q, k, v).spread(sharing).to(product_type(q.scalar_type()));
      auto [result, log_sum_exp] = at::_scaled_dot_product_flash_attention_for_cpu(in.q, in.k, in.v);
      output_batch(out, run).copy_(result);
      saved.push_back(log_sum_exp);
    }
    context->save_for_backward(saved);
    context->saved_data["query_counts"] = query_counts;
    context->saved_data["key_counts"] = key_counts;
    return out.flatten(1);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &q = saved[0], &k = saved[1], &v = saved[2], &out = saved[3];
    const at::Tensor dout = gradients[0].contiguous().view(out.sizes());
    const auto wide = product_type(q.scalar_type());
    const std::int64_t sharing = q.size(0) / k.size(0);
    const auto query_counts = context->saved_data["query_counts"].toIntVector();
    const auto runs = runs_with_tokens(query_counts, context->saved_data["key_counts"].toIntVector());
    at::Tensor dq = at::empty_like(q), dk = at::empty_like(k), dv = at::empty_like(v);
    if (std::ranges::find(query_counts, 0) !=
        query_counts.end()) {  // keys of a sample without queries here get no gradient
      dk.zero_();
      dv.zero_();
    }
    for (std::size_t i = 0; i < runs.size(); ++i) {
      const RunTensors in = tensors_of(runs[i], q, k, v).spread(sharing).to(wide);
      const RunTensors target = tensors_of(runs[i], dq, dk, dv);
      const auto [run_dq, run_dk, run_dv] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
          output_batch(dout, runs[i]).to(wide), in.q, in.k, in.v, output_batch(out, runs[i]).to(wide),
          saved[4 + i], 0.0, false);
      target.q.copy_(run_dq);
      target.k.copy_(gathered_heads(run_dk, sharing));
      target.v.copy_(gathered_heads(run_dv, sharing));
    }
    return {dq, dk, dv, {}, {}};
  }
};

}  // namespace

at::Tensor packed_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const std::vector<std::int64_t>& query_counts,
                            const std::vector<std::int64_t>& key_counts) {
  if (attends_by_kernels(q)) return device_attention(q, k, v, query_counts, key_counts);
  return PackedAttention::apply(q, k, v, query_counts, key_counts);
}

at::Tensor self_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                          const std::vector<std::vector<std::int64_t>>& counts,
                          const ModelParallel& parallel) {
  if (parallel.context_ranks() == 1) return packed_attention(q, k, v, counts.front(), counts.front());
  if (few_keys_are_needed(counts)) return attention_by_needed_keys(q, k, v, counts, *parallel.context);
  return context_attention(q, k, v, counts, {*parallel.context_heads, *parallel.context_ring});
}

at::Tensor self_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                          const PackLayout& layout, const ModelParallel& parallel) {
  return self_attention(q, k, v, layout.counts_by_context_rank(), parallel);
}

at::Tensor cross_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           const PackLayout& layout) {
  return packed_attention(q, k, v, layout.attention_counts(), layout.text_counts());
}

}  // namespace dfm::nn
