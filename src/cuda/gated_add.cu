// x + gate y, with a gate a sample (nn/modulation.h). Bound by memory: a block a token, neighbouring threads
// on neighbouring elements.
#include "cuda/device_support.cuh"
#include "cuda/kernels.h"

namespace dfm::cuda {
namespace {

constexpr int kThreads = 256;

template <class Element>
__global__ void gated_add_kernel(const Element* x, RowsOf<const Element> gate, const Element* y, Element* out,
                                 Samples samples, std::int64_t width) {
  const std::int64_t token = blockIdx.x;
  const Element* const gates = gate.data + sample_of(token, samples) * gate.stride;
  const std::int64_t row = token * width;
  for (std::int64_t i = threadIdx.x; i < width; i += kThreads) {
    out[row + i] = from_float<Element>(to_float(x[row + i]) + to_float(gates[i]) * to_float(y[row + i]));
  }
}

}  // namespace

template <class Element>
void gated_add(const Element* x, RowsOf<const Element> gate, const Element* y, Element* out, Samples samples,
               std::int64_t tokens, std::int64_t width, cudaStream_t stream) {
  if (tokens == 0) return;
  gated_add_kernel<<<static_cast<unsigned>(tokens), kThreads, 0, stream>>>(x, gate, y, out, samples, width);
}

template void gated_add(const float*, RowsOf<const float>, const float*, float*, Samples, std::int64_t,
                        std::int64_t, cudaStream_t);
template void gated_add(const __nv_bfloat16*, RowsOf<const __nv_bfloat16>, const __nv_bfloat16*,
                        __nv_bfloat16*, Samples, std::int64_t, std::int64_t, cudaStream_t);

}  // namespace dfm::cuda
