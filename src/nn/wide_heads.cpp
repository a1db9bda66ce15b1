#include "nn/wide_heads.h"

#include <array>

#include "core/error.h"
#include "nn/operators.h"

namespace dfm::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Without a norm or turns, the tensor is empty. The backward pass returns the gradient of `projected`, then
// those of the weights.
TORCH_LIBRARY_FRAGMENT(dfm, library) {
  library.def(
      "split_wide_heads(Tensor projected, Tensor[] weights, Tensor turns, int heads, float epsilon) -> "
      "Tensor[]");
  library.def(
      "split_wide_heads_backward(Tensor[] gradients, Tensor projected, Tensor[] weights, Tensor turns, "
      "int heads, float epsilon) -> Tensor[]");
}

using SplitOperator = Operator<std::vector<at::Tensor>(const at::Tensor&, at::TensorList, const at::Tensor&,
                                                       std::int64_t, double)>;
using BackwardOperator = Operator<std::vector<at::Tensor>(at::TensorList, const at::Tensor&, at::TensorList,
                                                          const at::Tensor&, std::int64_t, double)>;

constexpr std::size_t kMostParts = 3;

// Autograd sees tensors only as arguments of their own, so the weights of up to three parts are spelt out.
struct SplitWideHeads : torch::autograd::Function<SplitWideHeads> {
  static variable_list forward(AutogradContext* context, const at::Tensor& projected,
                               const at::Tensor& weight0, const at::Tensor& weight1,
                               const at::Tensor& weight2, const at::Tensor& turns, std::int64_t parts,
                               const WideHeads& heads) {
    static const SplitOperator split("dfm::split_wide_heads");
    context->save_for_backward({projected, turns, weight0, weight1, weight2});
    context->saved_data["heads"] = heads.heads;
    context->saved_data["epsilon"] = heads.epsilon;
    const std::array weights{weight0, weight1, weight2};
    return split(projected, at::TensorList(weights.data(), static_cast<std::size_t>(parts)), turns,
                 heads.heads, heads.epsilon);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    static const BackwardOperator split_backward("dfm::split_wide_heads_backward");
    const auto saved = context->get_saved_variables();
    const at::TensorList weights(saved.data() + 2, gradients.size());
    variable_list results =
        split_backward(gradients, saved[0], weights, saved[1], context->saved_data["heads"].toInt(),
                       context->saved_data["epsilon"].toDouble());
    results.resize(7);  // one an argument of forward
    return results;
  }
};

}  // namespace

std::vector<at::Tensor> split_wide_heads(const at::Tensor& projected, const std::vector<at::Tensor>& weights,
                                         const at::Tensor& turns, const WideHeads& heads) {
  ensure(!weights.empty() && weights.size() <= kMostParts, "a head has one to three parts");
  const auto or_empty = [&](const at::Tensor& tensor) {
    return tensor.defined() ? tensor : at::empty({0}, projected.options());
  };
  std::array<at::Tensor, kMostParts> padded;
  for (std::size_t part = 0; part < padded.size(); ++part)
    padded[part] = or_empty(part < weights.size() ? weights[part] : at::Tensor());
  return SplitWideHeads::apply(projected.contiguous(), padded[0], padded[1], padded[2], or_empty(turns),
                               static_cast<std::int64_t>(weights.size()), heads);
}

}  // namespace dfm::nn
