#include "nn/parallel_norm.h"

#include "nn/collectives.h"

namespace dfm::nn {

at::Tensor rms_norm_over_tensor_ranks(const at::Tensor& rows, const at::Tensor& weight, const NormOver& over,
                                      const ModelParallel& parallel) {
  if (parallel.tensor_ranks() == 1) return at::rms_norm(rows, {over.features}, weight, over.epsilon);
  const at::Tensor wide = rows.to(at::kFloat);
  // Every rank scales its own features by the same factor: what they make of it is summed in the backward.
  const at::Tensor squares =
      shared_by(sum_over(wide.square().sum(1, true), *parallel.tensor), *parallel.tensor);
  const at::Tensor factor = (squares / static_cast<double>(over.features) + over.epsilon).rsqrt();
  return (wide * factor * weight.to(at::kFloat)).to(rows.scalar_type());
}

}  // namespace dfm::nn
