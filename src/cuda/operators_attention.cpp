// The operator of nn/ring_blocks.h on GPUs. (cuDNN's attention is in cudnn_attention.cpp.)
#include <torch/library.h>

#include "cuda/merge_attention.h"
#include "cuda/tensor_support.h"

namespace dfm::cuda {
namespace {

template <class Float>
LogSumExps<Float> sums_of(const at::Tensor& tensor, Float* data) {
  return {data, tensor.stride(0), tensor.stride(1)};
}

void merge_on_gpu(const at::Tensor& out, const at::Tensor& lse, const at::Tensor& part,
                  const at::Tensor& part_lse) {
  const c10::cuda::CUDAGuard on_device(out.device());
  ensure(out.is_contiguous(), "attention is merged into rows side by side");
  const at::Tensor rows = part.contiguous();
  const AttentionRows shape{out.size(0), static_cast<int>(out.size(1)), static_cast<int>(out.size(2))};
  dispatch(rows, [&]<class T>(T) {
    merge_attention<T>(data_to<float>(out), sums_of(lse, data_to<float>(lse)), data_of<T>(rows),
                       sums_of(part_lse, data_of<float>(part_lse)), shape, stream());
  });
}

TORCH_LIBRARY_IMPL(dfm, CUDA, library) { library.impl("merge_attention", merge_on_gpu); }

}  // namespace
}  // namespace dfm::cuda
