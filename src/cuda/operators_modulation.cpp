// The operators of nn/modulation.h on GPUs.
#include <torch/library.h>

#include "cuda/tensor_support.h"

namespace dfm::cuda {
namespace {

at::Tensor gated_add_on_gpu(const at::Tensor& x, const at::Tensor& gate, const at::Tensor& y,
                            const at::Tensor& begins) {
  const c10::cuda::CUDAGuard on_device(x.device());
  at::Tensor out = at::empty_like(x);
  dispatch(x, [&]<class T>(T) {
    gated_add<T>(data_of<T>(x), rows_of<T>(gate), data_of<T>(y), data_to<T>(out), samples_of(begins),
                 x.size(0), x.size(1), stream());
  });
  return out;
}

TORCH_LIBRARY_IMPL(dfm, CUDA, library) { library.impl("gated_add", gated_add_on_gpu); }

}  // namespace
}  // namespace dfm::cuda
