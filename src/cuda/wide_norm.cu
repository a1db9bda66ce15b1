// Heads of one projection, normalised over all of them and turned (nn/wide_heads.h). Bound by memory: a block
// has a part of a token and keeps it in shared memory.
#include "cuda/block_sum.cuh"
#include "cuda/head_vectors.cuh"
#include "cuda/turn_pairs.cuh"
#include "cuda/wide_norm.h"

namespace dfm::cuda {
namespace {

constexpr int kThreads = 128;

// Each thread comes back to the elements that it brought: the row needs no barrier.
template <class Element, int N>
__global__ void __launch_bounds__(kThreads)
    split(const Element* packed, const __grid_constant__ HeadWeights<Element> weights, const float2* turns,
          const __grid_constant__ SplitParts<Element> out, HeadShape shape, float epsilon) {
  extern __shared__ float4 memory[];
  auto* const kept = reinterpret_cast<Element*>(memory);
  const std::int64_t token = blockIdx.x;
  const int part = blockIdx.y, features = shape.heads * shape.width;
  const Element *const row = packed + (token * shape.heads * shape.parts + part) * shape.width,
                       *const weight = weights.of_part[part];
  Element* const to = out.part[part] + token * features;
  float x[N], w[N];
  float squares = 0;
  for (int i = threadIdx.x * N; i < features; i += kThreads * N) {
    const int head = i / shape.width;
    load(row + head * (shape.parts - 1) * shape.width + i, x);
    store(x, weight == nullptr ? to + i : kept + i);
#pragma unroll
    for (int k = 0; k < N; ++k) squares += x[k] * x[k];
  }
  if (weight == nullptr) return;
  const float inverse = 1.0F / sqrtf(block_sum<kThreads>(squares) / features + epsilon);
  for (int i = threadIdx.x * N; i < features; i += kThreads * N) {
    load(kept + i, x);
    load(weight + i, w);
#pragma unroll
    for (int k = 0; k < N; ++k) x[k] *= inverse * w[k];
    if (turns != nullptr) turn_pairs(x, turns + (token * shape.width + i % shape.width) / 2, 1);
    store(x, to + i);
  }
}

}  // namespace

template <class Element>
void split_wide_heads(const Element* packed, const HeadWeights<Element>& weights, const float2* turns,
                      const SplitParts<Element>& parts, const HeadShape& shape, float epsilon,
                      cudaStream_t stream) {
  if (shape.pairs() == 0) return;
  const auto bytes = std::size_t{1} * shape.heads * shape.width * sizeof(Element);
  const dim3 blocks(static_cast<unsigned>(shape.tokens), shape.parts);
  const auto launch = [&](auto kernel) {
    allow_shared_memory(kernel, bytes);
    kernel<<<blocks, kThreads, bytes, stream>>>(packed, weights, turns, parts, shape, epsilon);
  };
  if (split_allows<kVector<Element>>(packed, weights, parts, shape)) {
    launch(split<Element, kVector<Element>>);
  } else {
    launch(split<Element, 2>);
  }
}

template void split_wide_heads(const float*, const HeadWeights<float>&, const float2*,
                               const SplitParts<float>&, const HeadShape&, float, cudaStream_t);
template void split_wide_heads(const __nv_bfloat16*, const HeadWeights<__nv_bfloat16>&, const float2*,
                               const SplitParts<__nv_bfloat16>&, const HeadShape&, float, cudaStream_t);

}  // namespace dfm::cuda
