// Operators whose results lie in memory as GPUs leave them, token by token, and not as the CPU does.
#include <torch/library.h>

#include "emulated_gpu/counts.h"
#include "emulated_gpu/tensors.h"
#include "nn/operators.h"

namespace dfm::emulated {
namespace {

// [H, S, d].
at::Tensor token_by_token(const at::Tensor& heads) {
  return on_device(heads.transpose(0, 1).contiguous()).transpose(0, 1);
}

std::vector<at::Tensor> split_heads(const at::Tensor& projected, at::TensorList weights, std::int64_t heads,
                                    double epsilon) {
  static const nn::Operator<std::vector<at::Tensor>(const at::Tensor&, at::TensorList, std::int64_t, double)>
      on_cpu("dfm::split_heads");
  count_operator("dfm::split_heads");
  std::vector<at::Tensor> weights_there;
  for (const at::Tensor& weight : weights) weights_there.push_back(host_view(weight));
  std::vector<at::Tensor> parts;
  for (const at::Tensor& part : on_cpu(host_view(projected), weights_there, heads, epsilon))
    parts.push_back(token_by_token(part));
  return parts;
}

at::Tensor turned(const at::Tensor& heads, const at::Tensor& turns, bool back) {
  static const nn::Operator<at::Tensor(const at::Tensor&, const at::Tensor&, bool)> on_cpu("dfm::turned");
  count_operator("dfm::turned");
  return token_by_token(on_cpu(host_view(heads), host_view(turns), back));
}

TORCH_LIBRARY_IMPL(dfm, CUDA, library) {
  library.impl("split_heads", split_heads);
  library.impl("turned", turned);
}

}  // namespace
}  // namespace dfm::emulated
