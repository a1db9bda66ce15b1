// cuDNN's attention: operators whose only kernel is for GPUs, in libdfm_cuda.so (src/cuda/cudnn_*).
#include "nn/attention_kernel.h"
#include "nn/operators.h"

namespace dfm::nn {
namespace {

TORCH_LIBRARY_FRAGMENT(dfm, library) {
  library.def(
      "cudnn_attention(Tensor q, Tensor k, Tensor v, int[] query_counts, int[] key_counts, float scale) -> "
      "(Tensor out, Tensor log_sum_exp)");
  library.def(
      "cudnn_attention_backward(Tensor dout, Tensor q, Tensor k, Tensor v, Tensor out, Tensor log_sum_exp, "
      "int[] query_counts, int[] key_counts, float scale, bool deterministic) -> (Tensor dq, Tensor dk, "
      "Tensor dv)");
  library.def(
      "cudnn_attention_problem(Tensor q, Tensor k, Tensor v, int[] query_counts, int[] key_counts, float "
      "scale, bool backward, bool deterministic) -> str");
}

using Tensor = const at::Tensor&;

Attended forward(const AttentionInputs& in) {
  static const Operator<std::tuple<at::Tensor, at::Tensor>(Tensor, Tensor, Tensor, at::IntArrayRef,
                                                           at::IntArrayRef, double)>
      op("dfm::cudnn_attention");
  auto [out, log_sum_exp] = op(in.q, in.k, in.v, in.lengths.queries, in.lengths.keys, in.scale);
  return {std::move(out), std::move(log_sum_exp)};
}

AttentionGradients backward(const AttentionInputs& in, const Attended& attended, const at::Tensor& dout,
                            bool deterministic) {
  static const Operator<std::tuple<at::Tensor, at::Tensor, at::Tensor>(
      Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, at::IntArrayRef, at::IntArrayRef, double, bool)>
      op("dfm::cudnn_attention_backward");
  auto [dq, dk, dv] = op(dout, in.q, in.k, in.v, attended.out, attended.log_sum_exp, in.lengths.queries,
                         in.lengths.keys, in.scale, deterministic);
  return {std::move(dq), std::move(dk), std::move(dv)};
}

bool is_there() {
  static const bool there = c10::Dispatcher::singleton()
                                .findSchemaOrThrow("dfm::cudnn_attention", "")
                                .hasKernelForDispatchKey(c10::DispatchKey::CUDA);
  return there;
}

std::string problem(const AttentionInputs& in, AttentionPass pass, bool deterministic) {
  if (!in.q.is_cuda()) return "it computes on GPUs";
  if (!is_there()) return "this dfm was built without cuDNN's frontend";
  static const Operator<std::string(Tensor, Tensor, Tensor, at::IntArrayRef, at::IntArrayRef, double, bool,
                                    bool)>
      op("dfm::cudnn_attention_problem");
  return op(in.q, in.k, in.v, in.lengths.queries, in.lengths.keys, in.scale, pass == AttentionPass::backward,
            deterministic);
}

}  // namespace

const AttentionKernel& cudnn_attention() {
  static constexpr AttentionKernel kernel{"cudnn", problem, forward, backward};
  return kernel;
}

}  // namespace dfm::nn
