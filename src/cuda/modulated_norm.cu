// LayerNorm or RMSNorm and modulation in one pass (nn/modulation.h). Bound by memory: a block has a token,
// keeps its row in shared memory, and reads shift and scale from caches.
#include "cuda/block_sum.cuh"
#include "cuda/modulation.h"
#include "cuda/vector_access.cuh"

namespace dfm::cuda {
namespace {

constexpr int kThreads = 128;

// Each thread comes back to the elements that it brought: the row needs no barrier.
template <class Element, class Row, int N>
__global__ void __launch_bounds__(kThreads)
    modulated_norm_kernel(const Element* x, ModulationRows<Row> rows, Element* y, Moments* moments,
                          Samples samples, int width, NormSettings settings) {
  extern __shared__ float4 memory[];
  auto* const kept = reinterpret_cast<Element*>(memory);
  const std::int64_t token = blockIdx.x, sample = sample_of(token, samples);
  const Row *const shift = rows.shift.data + sample * rows.shift.stride, *const scale =
                                                                             rows.scale.data +
                                                                             sample * rows.scale.stride;
  float values[N], a[N], b[N];
  float sum = 0;
  for (int i = threadIdx.x * N; i < width; i += kThreads * N) {
    load(x + token * width + i, values);
    store(values, kept + i);
#pragma unroll
    for (int k = 0; k < N; ++k) sum += values[k];
  }
  const float mean = settings.centers ? block_sum<kThreads>(sum) / width : 0.0F;
  float squares = 0;
  for (int i = threadIdx.x * N; i < width; i += kThreads * N) {
    load(kept + i, values);
#pragma unroll
    for (int k = 0; k < N; ++k) squares += (values[k] - mean) * (values[k] - mean);
  }
  const float inverse = 1.0F / sqrtf(block_sum<kThreads>(squares) / width + settings.epsilon);
  if (threadIdx.x == 0) moments[token] = {mean, inverse};
  for (int i = threadIdx.x * N; i < width; i += kThreads * N) {
    load(kept + i, values);
    load(scale + i, a);
    load(shift + i, b);
#pragma unroll
    for (int k = 0; k < N; ++k) values[k] = (values[k] - mean) * inverse * (1.0F + a[k]) + b[k];
    store(values, y + token * width + i);
  }
}

}  // namespace

template <class Element, class Row>
void modulated_norm(const Element* x, const ModulationRows<Row>& rows, Element* y, Moments* moments,
                    const Samples& samples, const TokenShape& shape, const NormSettings& settings,
                    cudaStream_t stream) {
  if (shape.tokens == 0) return;
  const bool aligned = has_vector_rows(shape.width, x, y) && has_vectors_of<Element>(rows.shift) &&
                       has_vectors_of<Element>(rows.scale);
  const auto bytes = shape.width * sizeof(Element);
  with_vectors<Element>(aligned, [&](auto vector) {
    constexpr int N = decltype(vector)::value;
    const auto kernel = modulated_norm_kernel<Element, Row, N>;
    allow_shared_memory(kernel, bytes);
    kernel<<<static_cast<unsigned>(shape.tokens), kThreads, bytes, stream>>>(x, rows, y, moments, samples,
                                                                             shape.width, settings);
  });
}

#define DFM_MODULATED_NORM(Element, Row)                                                       \
  template void modulated_norm(const Element*, const ModulationRows<Row>&, Element*, Moments*, \
                               const Samples&, const TokenShape&, const NormSettings&, cudaStream_t);
DFM_MODULATED_NORM(float, float)
DFM_MODULATED_NORM(__nv_bfloat16, __nv_bfloat16)
DFM_MODULATED_NORM(__nv_bfloat16, float)

}  // namespace dfm::cuda
