#include "cuda/device_support.cuh"
#include "cuda/merge_attention.h"

namespace dfm::cuda {
namespace {

constexpr int kThreads = 256;

// A block does a row; its heads' weights come first.
template <class Element>
__global__ void merge_row(float* __restrict__ out, LogSumExps<float> lse, const Element* __restrict__ part,
                          LogSumExps<const float> part_lse, AttentionRows shape) {
  extern __shared__ float weights[];  // of what there is, then of what is added, by heads
  float* const added = weights + shape.heads;
  const std::int64_t row = blockIdx.x;
  for (int head = threadIdx.x; head < shape.heads; head += kThreads) {
    float& mine = lse.data[row * lse.row_stride + head * lse.head_stride];
    const float other = part_lse.data[row * part_lse.row_stride + head * part_lse.head_stride];
    const float most = fmaxf(mine, other);
    const float both = most + logf(expf(mine - most) + expf(other - most));
    weights[head] = expf(mine - both);
    added[head] = expf(other - both);
    mine = both;
  }
  __syncthreads();
  const int elements = shape.heads * shape.width;
  float* const target = out + row * elements;
  const Element* const source = part + row * elements;
  for (int i = threadIdx.x; i < elements; i += kThreads) {
    const int head = i / shape.width;
    target[i] = target[i] * weights[head] + to_float(source[i]) * added[head];
  }
}

}  // namespace

template <class Element>
void merge_attention(float* out, LogSumExps<float> lse, const Element* part, LogSumExps<const float> part_lse,
                     const AttentionRows& shape, cudaStream_t stream) {
  if (shape.rows == 0) return;
  const std::size_t shared = 2 * static_cast<std::size_t>(shape.heads) * sizeof(float);
  merge_row<Element>
      <<<static_cast<unsigned>(shape.rows), kThreads, shared, stream>>>(out, lse, part, part_lse, shape);
}

template void merge_attention<float>(float*, LogSumExps<float>, const float*, LogSumExps<const float>,
                                     const AttentionRows&, cudaStream_t);
template void merge_attention<__nv_bfloat16>(float*, LogSumExps<float>, const __nv_bfloat16*,
                                             LogSumExps<const float>, const AttentionRows&, cudaStream_t);

}  // namespace dfm::cuda
