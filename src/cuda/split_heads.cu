// From one projection to attention heads, with the RMSNorm of a head (nn/head_norm.h). Bound by memory.
#include "cuda/head_vectors.cuh"
#include "cuda/split_heads.cuh"

namespace dfm::cuda {
namespace {

constexpr int kThreads = 256;

template <class Element, int N>
__global__ void split(const Element* packed, const __grid_constant__ HeadWeights<Element> weights,
                      const __grid_constant__ SplitParts<Element> out, HeadShape shape, int lanes,
                      float epsilon) {
  const int lane = threadIdx.x % lanes;
  const auto row = static_cast<std::uint32_t>((blockIdx.x * std::int64_t{kThreads} + threadIdx.x) / lanes);
  const std::uint32_t pair = row / shape.parts, part = row % shape.parts;
  const int width = pair < shape.tokens * shape.heads ? shape.width : 0;  // beyond the end, all lanes add
  HeadRow<N> x;
  x.read(packed + std::int64_t{row} * shape.width, lane, lanes, width);
  const float squares = warp_sum(x.sum_of_products(x), lanes);
  if (const Element* const weight = weights.of_part[part]; weight != nullptr) {
    const float inverse = inverse_rms(squares, shape.width, epsilon);
    HeadRow<N> w;
    w.read(weight, lane, lanes, width);
    x.update([&](float value, float factor) { return value * inverse * factor; }, w);
  }
  x.write(out.part[part] + std::int64_t{pair} * shape.width, lane, lanes, width);
}

}  // namespace

template <class Element>
void split_heads(const Element* packed, const HeadWeights<Element>& weights, const SplitParts<Element>& parts,
                 const HeadShape& shape, float epsilon, cudaStream_t stream) {
  if (shape.pairs() == 0) return;
  const bool wide = split_allows<kVector<Element>>(packed, weights, parts, shape),
             paired = split_allows<2>(packed, weights, parts, shape);
  with_head_vectors<Element>(wide, paired, [&](auto vector) {
    constexpr int N = decltype(vector)::value;
    const int lanes = lanes_for(shape.width, N);
    const std::int64_t threads = shape.pairs() * shape.parts * lanes;
    const auto blocks = static_cast<unsigned>((threads + kThreads - 1) / kThreads);
    split<Element, N><<<blocks, kThreads, 0, stream>>>(packed, weights, parts, shape, lanes, epsilon);
  });
}

template void split_heads(const float*, const HeadWeights<float>&, const SplitParts<float>&, const HeadShape&,
                          float, cudaStream_t);
template void split_heads(const __nv_bfloat16*, const HeadWeights<__nv_bfloat16>&,
                          const SplitParts<__nv_bfloat16>&, const HeadShape&, float, cudaStream_t);

}  // namespace dfm::cuda
