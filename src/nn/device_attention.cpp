#include "nn/device_attention.h"

#include <cmath>

#include "nn/attention_choice.h"
#include "nn/attention_stretches.h"

namespace dfm::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Rows [tokens, heads, d] of q, k and v.
struct Rows {
  at::Tensor q, k, v;

  AttentionInputs inputs(const Stretch& stretch) const {
    return {stretch.of_queries(q), stretch.of_keys(k), stretch.of_keys(v), stretch.lengths,
            1 / std::sqrt(static_cast<double>(q.size(2)))};
  }
};

struct DeviceAttention : torch::autograd::Function<DeviceAttention> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, const std::vector<std::int64_t>& query_counts,
                            const std::vector<std::int64_t>& key_counts) {
    const Rows rows{q.transpose(0, 1), k.transpose(0, 1), v.transpose(0, 1)};
    at::Tensor out;
    variable_list saved{q, k, v, out};
    for (const Stretch& stretch : stretches(query_counts, key_counts)) {
      const Attended part = attend(rows.inputs(stretch));
      saved.push_back(part.log_sum_exp);
      if (stretch.is_whole(rows.q, rows.k)) {
        out = part.out;
        break;
      }
      if (!out.defined()) out = at::zeros(rows.q.sizes(), q.options());
      stretch.of_queries(out).copy_(part.out);
    }
    if (!out.defined()) out = at::zeros(rows.q.sizes(), q.options());
    saved[3] = out;
    context->save_for_backward(saved);
    context->saved_data["query_counts"] = query_counts;
    context->saved_data["key_counts"] = key_counts;
    return out.flatten(1);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& out = saved[3];
    const Rows rows{saved[0].transpose(0, 1), saved[1].transpose(0, 1), saved[2].transpose(0, 1)};
    const at::Tensor dout = gradients[0].contiguous().view(out.sizes());
    const auto parts = stretches(context->saved_data["query_counts"].toIntVector(),
                                 context->saved_data["key_counts"].toIntVector());
    const auto gradients_of = [&](std::size_t i) {
      return attention_gradients(rows.inputs(parts[i]), {parts[i].of_queries(out), saved[4 + i]},
                                 parts[i].of_queries(dout));
    };
    if (parts.size() == 1 && parts[0].is_whole(rows.q, rows.k)) return by_heads(gradients_of(0));
    const AttentionGradients all{at::zeros(rows.q.sizes(), out.options()),
                                 at::zeros(rows.k.sizes(), out.options()),
                                 at::zeros(rows.v.sizes(), out.options())};
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const AttentionGradients part = gradients_of(i);
      parts[i].of_queries(all.q).copy_(part.q);
      parts[i].of_keys(all.k).copy_(part.k);
      parts[i].of_keys(all.v).copy_(part.v);
    }
    return by_heads(all);
  }

  static variable_list by_heads(const AttentionGradients& rows) {
    return {rows.q.transpose(0, 1), rows.k.transpose(0, 1), rows.v.transpose(0, 1), {}, {}};
  }
};

}  // namespace

at::Tensor device_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const std::vector<std::int64_t>& query_counts,
                            const std::vector<std::int64_t>& key_counts) {
  return DeviceAttention::apply(q, k, v, query_counts, key_counts);
}

}  // namespace dfm::nn
