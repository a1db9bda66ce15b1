// The operators of nn/random.h on GPUs.
#include <torch/library.h>

#include "cuda/random.h"
#include "cuda/tensor_support.h"

namespace dfm::cuda {
namespace {

RandomElements elements_of(std::int64_t seed, std::int64_t stream, std::int64_t key, std::int64_t first) {
  return {static_cast<std::uint64_t>(seed), static_cast<std::uint64_t>(key),
          static_cast<std::uint64_t>(first), static_cast<std::uint32_t>(stream)};
}

void normals_on_gpu(const at::Tensor& out, std::int64_t seed, std::int64_t stream_number, std::int64_t key,
                    std::int64_t first) {
  const c10::cuda::CUDAGuard on_device(out.device());
  normals(elements_of(seed, stream_number, key, first), out.mutable_data_ptr<float>(), out.numel(), stream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

void random_words_on_gpu(const at::Tensor& out, std::int64_t seed, std::int64_t stream_number,
                         std::int64_t key, std::int64_t first) {
  const c10::cuda::CUDAGuard on_device(out.device());
  random_words(elements_of(seed, stream_number, key, first),
               static_cast<std::uint32_t*>(out.mutable_data_ptr()), out.numel(), stream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

TORCH_LIBRARY_IMPL(dfm, CUDA, library) {
  library.impl("normals_", normals_on_gpu);
  library.impl("random_words_", random_words_on_gpu);
}

}  // namespace
}  // namespace dfm::cuda
