// The gradients of split_heads. y = x r w with r the inverse rms: dx = r (w dy - x r^2 mean(x w dy)), and
// dw = the sum of x r dy over tokens and heads: lanes add up what they meet, a block adds its lanes in order,
// and the sums of the blocks are added in order.
#include "cuda/head_vectors.cuh"
#include "cuda/partial_sums.cuh"
#include "cuda/split_heads.cuh"

namespace dfm::cuda {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kMostBlocks = 528, kLeastPairsInBlock = 64;

// Of one part of one head of one token.
template <class Element, int N>
__device__ void part_backward(const SplitGradient<Element>& gradient, int part, const Element* dy,
                              std::int64_t at, HeadRow<N>& weight_sum, const HeadShape& shape, int lane,
                              int lanes, int width, float epsilon) {
  HeadRow<N> incoming;
  incoming.read(dy, lane, lanes, width);
  if (const Element* const weight = gradient.weights.of_part[part]; weight != nullptr) {
    HeadRow<N> x, w;
    x.read(gradient.packed + at, lane, lanes, width);
    w.read(weight, lane, lanes, width);
    const float r = inverse_rms(warp_sum(x.sum_of_products(x), lanes), shape.width, epsilon);
    weight_sum.update([&](float sum, float value, float d) { return sum + value * r * d; }, x, incoming);
    incoming.update([](float d, float factor) { return d * factor; }, w);
    const float dot = warp_sum(x.sum_of_products(incoming), lanes) * r * r / shape.width;
    incoming.update([&](float d, float value) { return r * (d - value * dot); }, x);
  }
  incoming.write(gradient.packed_gradient + at, lane, lanes, width);
}

// partial[width] = the sums of all rows of lanes of the block.
template <int N>
__device__ void add_lanes(const HeadRow<N>& sum, float* shared, float* partial, int lane, int lanes,
                          int width) {
  __syncthreads();  // whoever called before has read
  sum.write(shared + threadIdx.x / lanes * width, lane, lanes, width);
  __syncthreads();
  for (int column = threadIdx.x; column < width; column += kThreads) {
    float total = 0;
    for (int row = 0; row < kThreads / lanes; ++row) total += shared[row * width + column];
    partial[column] = total;
  }
}

template <class Element, int N>
__global__ void __launch_bounds__(kThreads)
    backward(SplitGradient<Element> gradient, HeadShape shape, int lanes, float epsilon) {
  __shared__ alignas(16) float shared[kThreads * kMostElements];
  const int lane = threadIdx.x % lanes, rows_in_warp = kWarp / lanes;
  const auto pairs = static_cast<std::uint32_t>(shape.tokens * shape.heads);
  const std::uint32_t warp = (blockIdx.x * kThreads + threadIdx.x) / kWarp,
                      stride = gridDim.x * (kThreads / kWarp) * rows_in_warp;
  HeadRow<N> sums[kMostParts] = {};
  for (std::uint32_t first = warp * rows_in_warp; first < pairs; first += stride) {
    const std::uint32_t pair = first + threadIdx.x % kWarp / lanes;
    const int width = pair < pairs ? shape.width : 0;  // beyond the end, all lanes add
    const std::uint32_t token = pair / shape.heads, head = pair % shape.heads;
#pragma unroll
    for (int part = 0; part < kMostParts; ++part) {
      if (part == shape.parts) break;
      const HeadRows<const Element>& rows = gradient.incoming.of_part[part];
      part_backward(gradient, part, rows.data + head * rows.head_stride + token * rows.token_stride,
                    (std::int64_t{pair} * shape.parts + part) * shape.width, sums[part], shape, lane, lanes,
                    width, epsilon);
    }
  }
  float* const partial = gradient.partial + std::int64_t{blockIdx.x} * shape.parts * shape.width;
#pragma unroll
  for (int part = 0; part < kMostParts; ++part) {
    if (part == shape.parts) break;
    add_lanes(sums[part], shared, partial + part * shape.width, lane, lanes, shape.width);
  }
}

}  // namespace

std::int64_t split_partial_rows(const HeadShape& shape) {
  const std::int64_t wanted = (shape.pairs() + kLeastPairsInBlock - 1) / kLeastPairsInBlock;
  return wanted < kMostBlocks ? wanted : kMostBlocks;
}

template <class Element>
void split_heads_backward(const SplitGradient<Element>& gradient, const HeadShape& shape, float epsilon,
                          cudaStream_t stream) {
  const std::int64_t blocks = split_partial_rows(shape);
  const bool wide = gradient_allows<kVector<Element>>(gradient, shape),
             paired = gradient_allows<2>(gradient, shape);
  if (blocks > 0) {
    with_head_vectors<Element>(wide, paired, [&](auto vector) {
      constexpr int N = decltype(vector)::value;
      backward<Element, N><<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(
          gradient, shape, lanes_for(shape.width, N), epsilon);
    });
  }
  sum_rows(gradient.partial, gradient.weight_gradients, blocks, shape.parts * shape.width, stream);
}

template void split_heads_backward(const SplitGradient<float>&, const HeadShape&, float, cudaStream_t);
template void split_heads_backward(const SplitGradient<__nv_bfloat16>&, const HeadShape&, float,
                                   cudaStream_t);

}  // namespace dfm::cuda
