// The gradients of modulated_norm. With g = dy (1 + scale) and the normal n = (x - mean) / deviation:
// dx = (g - mean(g) - n mean(g n)) / deviation, dshift = sum of dy, dscale = sum of dy n over the tokens of
// the sample. A block has a run of tokens and keeps, in shared memory, the rows of one and the sums.
#include "cuda/block_sum.cuh"
#include "cuda/column_sums.cuh"
#include "cuda/modulation.h"
#include "cuda/partial_sums.cuh"
#include "cuda/vector_access.cuh"

namespace dfm::cuda {
namespace {

constexpr int kThreads = 256;
// Three blocks on each of the 132 multiprocessors of a Hopper GPU, all at once.
constexpr std::int64_t kRuns = 396, kLeastTokensInRun = 4;

template <class Element>
std::size_t shared_bytes(int width) {
  return width * 2 * (sizeof(Element) + sizeof(float));
}

// What a block keeps. Each thread comes back to its own elements: no barrier is needed.
template <class Element, int N>
struct Kept {
  Element *x, *dy;
  ColumnSums<kThreads, N> shift, scale;

  __device__ Kept(float4* memory, int width)
      : x(reinterpret_cast<Element*>(memory)),
        dy(x + width),
        shift(reinterpret_cast<float*>(dy + width), width),
        scale(reinterpret_cast<float*>(dy + width) + width, width) {}

  __device__ void clear() {
    shift.clear();
    scale.clear();
  }
  // As the sums of the sample that is left; begins anew.
  __device__ void leave(float* partial, int width) {
    shift.write_to(partial);
    scale.write_to(partial + width);
    clear();
  }
};

// Brings the rows of a token, adds to the sums, and returns the sums of g and g n over the row.
template <class Element, class Row, int N>
__device__ float2 begin_token(const NormGradient<Element, Row>& gradient, Kept<Element, N>& kept,
                              std::int64_t token, const Row* scale, const Moments& moments, int width) {
  float2 sum{0, 0};
  for (int i = threadIdx.x * N; i < width; i += kThreads * N) {
    float x[N], dy[N], s[N];
    load(gradient.x + token * width + i, x);
    load(gradient.dy + token * width + i, dy);
    load(scale + i, s);
    store(x, kept.x + i);
    store(dy, kept.dy + i);
    kept.shift.add(i, dy);
#pragma unroll
    for (int k = 0; k < N; ++k) {
      const float normal = (x[k] - moments.mean) * moments.inverse_deviation, g = dy[k] * (1.0F + s[k]);
      sum.x += g;
      sum.y += g * normal;
      x[k] = dy[k] * normal;
    }
    kept.scale.add(i, x);
  }
  return sum;
}

template <class Element, class Row, int N>
__device__ void finish_token(const Kept<Element, N>& kept, Element* dx, const Row* scale,
                             const Moments& moments, const float2& mean, int width) {
  for (int i = threadIdx.x * N; i < width; i += kThreads * N) {
    float x[N], dy[N], s[N];
    load(kept.x + i, x);
    load(kept.dy + i, dy);
    load(scale + i, s);
#pragma unroll
    for (int k = 0; k < N; ++k) {
      const float normal = (x[k] - moments.mean) * moments.inverse_deviation, g = dy[k] * (1.0F + s[k]);
      x[k] = (g - mean.x - normal * mean.y) * moments.inverse_deviation;
    }
    store(x, dx + i);
  }
}

template <class Element, class Row, int N>
__global__ void __launch_bounds__(kThreads)
    backward(NormGradient<Element, Row> gradient, Samples samples, Runs runs, int width) {
  extern __shared__ float4 memory[];
  Kept<Element, N> kept(memory, width);
  kept.clear();
  TokenWalk walk(samples, runs, blockIdx.x);
  float* partial = gradient.partial + walk.partial_row() * 2 * width;
  for (; !walk.is_over(); walk.next()) {
    while (walk.enters_sample()) {
      kept.leave(partial, width);
      partial = gradient.partial + walk.partial_row() * 2 * width;
    }
    const Row* const scale = gradient.scale.data + walk.sample() * gradient.scale.stride;
    const Moments moments = gradient.moments[walk.token()];
    float2 mean = begin_token(gradient, kept, walk.token(), scale, moments, width);
    mean = block_sum<kThreads>(mean);
    mean = {gradient.centers ? mean.x / width : 0.0F, mean.y / width};
    finish_token(kept, gradient.dx + walk.token() * width, scale, moments, mean, width);
  }
  kept.leave(partial, width);
}

Runs norm_runs(const TokenShape& shape) { return runs_of(shape.tokens, kRuns, kLeastTokensInRun); }

}  // namespace

template <class Element>
bool norm_fits(int width) {
  return shared_bytes<Element>(width) <= kMostSharedBytes;
}

std::int64_t norm_partial_rows(const Samples& samples, const TokenShape& shape) {
  return norm_runs(shape).partial_rows(samples);
}

template <class Element, class Row>
void modulated_norm_backward(const NormGradient<Element, Row>& gradient, const Samples& samples,
                             const TokenShape& shape, cudaStream_t stream) {
  const Runs runs = norm_runs(shape);
  const bool aligned = has_vector_rows(shape.width, gradient.dy, gradient.x, gradient.dx) &&
                       has_vectors_of<Element>(gradient.scale);
  const auto bytes = shared_bytes<Element>(shape.width);
  if (shape.tokens > 0) {
    with_vectors<Element>(aligned, [&](auto vector) {
      constexpr int N = decltype(vector)::value;
      const auto kernel = backward<Element, Row, N>;
      allow_shared_memory(kernel, bytes);
      kernel<<<static_cast<unsigned>(runs.count()), kThreads, bytes, stream>>>(gradient, samples, runs,
                                                                               shape.width);
    });
  }
  sum_by_sample(gradient.partial, gradient.rows, samples, runs, 2 * shape.width, stream);
}

template bool norm_fits<float>(int);
template bool norm_fits<__nv_bfloat16>(int);

#define DFM_NORM_BACKWARD(Element, Row)                                                    \
  template void modulated_norm_backward(const NormGradient<Element, Row>&, const Samples&, \
                                        const TokenShape&, cudaStream_t);
DFM_NORM_BACKWARD(float, float)
DFM_NORM_BACKWARD(__nv_bfloat16, __nv_bfloat16)
DFM_NORM_BACKWARD(__nv_bfloat16, float)

}  // namespace dfm::cuda
