// x + gate y, with a gate a sample (nn/modulation.h), and its gradients. Bound by memory: a thread has its
// columns of a run of tokens, keeps their gates in registers, and adds up their gradients there.
#include "cuda/modulation.h"
#include "cuda/partial_sums.cuh"
#include "cuda/vector_access.cuh"

namespace dfm::cuda {
namespace {

constexpr int kThreads = 128;
constexpr std::int64_t kTokensInForwardRun = 8, kLeastTokensInRun = 8, kBlocksWanted = 2112;

template <class Element, int N>
__global__ void forward(const Element* x, RowsOf<const Element> gate, const Element* y, Element* out,
                        Samples samples, Runs runs, int width) {
  const int column = (blockIdx.y * kThreads + threadIdx.x) * N;
  if (column >= width) return;
  float gates[N], left[N], right[N];
  TokenWalk walk(samples, runs, blockIdx.x);
  load(gate.data + walk.sample() * gate.stride + column, gates);
  for (; !walk.is_over(); walk.next()) {
    while (walk.enters_sample()) load(gate.data + walk.sample() * gate.stride + column, gates);
    const std::int64_t at = walk.token() * width + column;
    load(x + at, left);
    load(y + at, right);
#pragma unroll
    for (int i = 0; i < N; ++i) left[i] += gates[i] * right[i];
    store(left, out + at);
  }
}

// Writes the sums of the sample that is left, and begins anew.
template <int N>
__device__ void leave(float (&sums)[N], float* to) {
  store(sums, to);
#pragma unroll
  for (int i = 0; i < N; ++i) sums[i] = 0;
}

template <class Element, int N>
__global__ void backward(GateGradient<Element> gradient, Samples samples, Runs runs, int width) {
  const int column = (blockIdx.y * kThreads + threadIdx.x) * N;
  if (column >= width) return;
  const auto gates_of = [&](std::int64_t sample) {
    return gradient.gate.data + sample * gradient.gate.stride + column;
  };
  float gates[N], incoming[N], right[N], sums[N] = {};
  TokenWalk walk(samples, runs, blockIdx.x);
  load(gates_of(walk.sample()), gates);
  float* partial = gradient.partial + walk.partial_row() * width + column;
  for (; !walk.is_over(); walk.next()) {
    while (walk.enters_sample()) {
      leave(sums, partial);
      partial = gradient.partial + walk.partial_row() * width + column;
      load(gates_of(walk.sample()), gates);
    }
    const std::int64_t at = walk.token() * width + column;
    load(gradient.dout + at, incoming);
    load(gradient.y + at, right);
#pragma unroll
    for (int i = 0; i < N; ++i) {
      sums[i] += incoming[i] * right[i];
      incoming[i] *= gates[i];
    }
    store(incoming, gradient.dy + at);
  }
  leave(sums, partial);
}

template <int N>
dim3 blocks_for(const Runs& runs, int width) {
  return {static_cast<unsigned>(runs.count()), static_cast<unsigned>((width / N + kThreads - 1) / kThreads)};
}

// The same whether or not rows can be read as vectors.
template <class Element>
Runs backward_runs(const TokenShape& shape) {
  const int columns = kThreads * kVector<Element>, slabs = (shape.width + columns - 1) / columns;
  return runs_of(shape.tokens, (kBlocksWanted + slabs - 1) / slabs, kLeastTokensInRun);
}

}  // namespace

template <class Element>
void gated_add(const Element* x, RowsOf<const Element> gate, const Element* y, Element* out,
               const Samples& samples, const TokenShape& shape, cudaStream_t stream) {
  if (shape.tokens == 0) return;
  const Runs runs{shape.tokens, kTokensInForwardRun};
  const bool aligned = has_vector_rows(shape.width, x, y, out) && has_vectors_of<Element>(gate);
  with_vectors<Element>(aligned, [&](auto vector) {
    constexpr int N = decltype(vector)::value;
    forward<Element, N><<<blocks_for<N>(runs, shape.width), kThreads, 0, stream>>>(x, gate, y, out, samples,
                                                                                   runs, shape.width);
  });
}

template <class Element>
std::int64_t gate_partial_rows(const Samples& samples, const TokenShape& shape) {
  return backward_runs<Element>(shape).partial_rows(samples);
}

template <class Element>
void gated_add_backward(const GateGradient<Element>& gradient, const Samples& samples,
                        const TokenShape& shape, cudaStream_t stream) {
  const Runs runs = backward_runs<Element>(shape);
  const bool aligned = has_vector_rows(shape.width, gradient.dout, gradient.y, gradient.dy) &&
                       has_vectors_of<Element>(gradient.gate);
  if (shape.tokens > 0) {
    with_vectors<Element>(aligned, [&](auto vector) {
      constexpr int N = decltype(vector)::value;
      backward<Element, N>
          <<<blocks_for<N>(runs, shape.width), kThreads, 0, stream>>>(gradient, samples, runs, shape.width);
    });
  }
  sum_by_sample(gradient.partial, gradient.dgate, samples, runs, shape.width, stream);
}

#define DFM_GATED_ADD(Element)                                                                             \
  template void gated_add(const Element*, RowsOf<const Element>, const Element*, Element*, const Samples&, \
                          const TokenShape&, cudaStream_t);                                                \
  template std::int64_t gate_partial_rows<Element>(const Samples&, const TokenShape&);                     \
  template void gated_add_backward(const GateGradient<Element>&, const Samples&, const TokenShape&,        \
                                   cudaStream_t);
DFM_GATED_ADD(float)
DFM_GATED_ADD(__nv_bfloat16)

}  // namespace dfm::cuda
