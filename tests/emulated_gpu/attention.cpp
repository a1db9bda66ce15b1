// Attention of the emulated GPU: what cuDNN and FlashAttention 2 compute, by the plain kernel, with their
// layouts and limits.
#include <torch/library.h>

#include "emulated_gpu/counts.h"
#include "emulated_gpu/tensors.h"
#include "nn/attention_kernel.h"

namespace dfm::emulated {
namespace {

using nn::AttentionInputs;
using Tensor = const at::Tensor&;
using Counts = at::IntArrayRef;
using Gradients = std::tuple<at::Tensor, at::Tensor, at::Tensor>;

constexpr std::int64_t kMostWidthOfCudnn = 128, kWidthStep = 8;

AttentionInputs on_host(Tensor q, Tensor k, Tensor v, const nn::AttentionLengths& lengths, double scale) {
  return {host_view(q), host_view(k), host_view(v), lengths, scale};
}

Gradients gradients(const AttentionInputs& in, Tensor out, Tensor log_sum_exp, Tensor dout) {
  const auto all = nn::plain_attention().backward(in, {host_view(out), host_view(log_sum_exp)},
                                                  host_view(dout), /*deterministic=*/true);
  return {on_device(all.q.contiguous()), on_device(all.k.contiguous()), on_device(all.v.contiguous())};
}

std::tuple<at::Tensor, at::Tensor> cudnn(Tensor q, Tensor k, Tensor v, Counts query_counts, Counts key_counts,
                                         double scale) {
  count_operator("dfm::cudnn_attention");
  const auto result =
      nn::plain_attention().forward(on_host(q, k, v, {query_counts.vec(), key_counts.vec()}, scale));
  return {on_device(result.out.contiguous()), on_device(result.log_sum_exp)};
}

Gradients cudnn_backward(Tensor dout, Tensor q, Tensor k, Tensor v, Tensor out, Tensor log_sum_exp,
                         Counts query_counts, Counts key_counts, double scale, bool /*deterministic*/) {
  count_operator("dfm::cudnn_attention_backward");
  return gradients(on_host(q, k, v, {query_counts.vec(), key_counts.vec()}, scale), out, log_sum_exp, dout);
}

std::string cudnn_problem(Tensor q, Tensor /*k*/, Tensor /*v*/, Counts /*query_counts*/,
                          Counts /*key_counts*/, double /*scale*/, bool /*backward*/,
                          bool /*deterministic*/) {
  if (q.scalar_type() != at::kBFloat16) return "it takes bfloat16";
  const bool fits = q.size(2) <= kMostWidthOfCudnn && q.size(2) % kWidthStep == 0;
  return fits ? "" : "it takes heads of multiples of 8 up to 128";
}

TORCH_LIBRARY_IMPL(dfm, CUDA, library) {
  library.impl("cudnn_attention", cudnn);
  library.impl("cudnn_attention_backward", cudnn_backward);
  library.impl("cudnn_attention_problem", cudnn_problem);
}

// FlashAttention's offsets of samples, or none for one sample with a dimension of its own.
std::vector<std::int64_t> counts_between(Tensor begins) {
  const at::Tensor host = host_view(begins);
  std::vector<std::int64_t> counts;
  for (std::int64_t i = 0; i + 1 < host.numel(); ++i)
    counts.push_back(host[i + 1].item<std::int64_t>() - host[i].item<std::int64_t>());
  return counts;
}

struct FlashCall {
  FlashCall(Tensor q, Tensor k, Tensor v, Tensor query_begins, Tensor key_begins, double scale)
      : is_batch(q.dim() == 4),
        in(on_host(rows(q), rows(k), rows(v),
                   is_batch ? nn::AttentionLengths{{q.size(1)}, {k.size(1)}}
                            : nn::AttentionLengths{counts_between(query_begins), counts_between(key_begins)},
                   scale)) {}

  at::Tensor rows(Tensor given) const { return is_batch ? given.squeeze(0) : given; }
  at::Tensor as_given(Tensor made) const { return is_batch ? made.unsqueeze(0) : made; }

  bool is_batch;
  AttentionInputs in;
};

std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor, at::Tensor> flash(
    Tensor q, Tensor k, Tensor v, const std::optional<at::Tensor>& query_begins,
    const std::optional<at::Tensor>& key_begins, std::int64_t /*most_queries*/, std::int64_t /*most_keys*/,
    double /*dropout*/, bool /*is_causal*/, bool /*return_mask*/, std::optional<double> scale,
    std::optional<std::int64_t> /*left*/, std::optional<std::int64_t> /*right*/,
    const std::optional<at::Tensor>& /*used*/, const std::optional<at::Tensor>& /*slopes*/) {
  count_operator("aten::_flash_attention_forward");
  const FlashCall call(q, k, v, query_begins.value_or(at::Tensor()), key_begins.value_or(at::Tensor()),
                       scale.value());
  const auto result = nn::plain_attention().forward(call.in);
  // [H, S], whatever the lengths: a batch of one has the samples' dimension before it.
  const at::Tensor sums = on_device(result.log_sum_exp.flatten(1).contiguous());
  return {call.as_given(on_device(result.out.contiguous())), call.as_given(sums), at::Tensor(), at::Tensor(),
          at::Tensor()};
}

Gradients flash_backward(Tensor dout, Tensor q, Tensor k, Tensor v, Tensor out, Tensor log_sum_exp,
                         Tensor query_begins, Tensor key_begins, std::int64_t /*most_queries*/,
                         std::int64_t /*most_keys*/, double /*dropout*/, bool /*is_causal*/,
                         Tensor /*random_state*/, Tensor /*unused*/, std::optional<double> scale,
                         std::optional<std::int64_t> /*left*/, std::optional<std::int64_t> /*right*/) {
  count_operator("aten::_flash_attention_backward");
  const FlashCall call(q, k, v, query_begins, key_begins, scale.value());
  const at::Tensor sums = nn::by_samples(call.rows(log_sum_exp), call.in.lengths);
  const auto [dq, dk, dv] = gradients(call.in, call.rows(out), sums, call.rows(dout));
  return {call.as_given(dq), call.as_given(dk), call.as_given(dv)};
}

TORCH_LIBRARY_IMPL(aten, CUDA, library) {
  library.impl("_flash_attention_forward", flash);
  library.impl("_flash_attention_backward", flash_backward);
}

}  // namespace
}  // namespace dfm::emulated
