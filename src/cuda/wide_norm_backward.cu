// The gradients of split_wide_heads. With g the incoming gradient turned back, r the inverse rms and F
// features: dx = r (w g - x r^2 sum(x w g) / F), dw = the sum of x r g over the tokens. A block has a run of
// tokens of one part and keeps, in shared memory, the rows of one token and the sums.
#include "cuda/block_sum.cuh"
#include "cuda/column_sums.cuh"
#include "cuda/head_vectors.cuh"
#include "cuda/partial_sums.cuh"
#include "cuda/turn_pairs.cuh"
#include "cuda/wide_norm.h"

namespace dfm::cuda {
namespace {

constexpr int kThreads = 256;
// Two on each of the 132 multiprocessors of a Hopper GPU for every part.
constexpr std::int64_t kRuns = 264, kLeastTokensInRun = 4;

template <class Element>
std::size_t shared_bytes(const HeadShape& shape) {
  return std::size_t{1} * shape.heads * shape.width * (2 * sizeof(Element) + sizeof(float));
}

// What a block works on: rows of one part of one token.
template <class Element>
struct Part {
  const Element *x, *weight, *incoming;
  const float2* turns;
  Element* dx;
  std::int64_t head_stride;  // of incoming
  HeadShape shape;

  __device__ Part(const WideGradient<Element>& gradient, int part, std::int64_t token, const HeadShape& all)
      : weight(gradient.weights.of_part[part]),
        turns(gradient.turns == nullptr ? nullptr : gradient.turns + token * all.width / 2),
        head_stride(gradient.incoming.of_part[part].head_stride),
        shape(all) {
    const std::int64_t at = (token * all.heads * all.parts + part) * all.width;
    x = gradient.packed + at;
    dx = gradient.packed_gradient + at;
    const HeadRows<const Element>& rows = gradient.incoming.of_part[part];
    incoming = rows.data + token * rows.token_stride;
  }

  __device__ int packed(int i) const { return i / shape.width * (shape.parts - 1) * shape.width + i; }
  __device__ const Element* incoming_at(int i) const {
    return incoming + i / shape.width * head_stride + i % shape.width;
  }
  template <int N>
  __device__ void turn_back(float (&g)[N], int i) const {
    if (turns != nullptr) turn_pairs(g, turns + i % shape.width / 2, -1);
  }
};

template <class Element, int N>
__device__ void copy_part(const Part<Element>& part, int features) {
  float g[N];
  for (int i = threadIdx.x * N; i < features; i += kThreads * N) {
    load(part.incoming_at(i), g);
    store(g, part.dx + part.packed(i));
  }
}

// Brings the rows; the sums of x^2 and of x w g.
template <class Element, int N>
__device__ float2 begin_token(const Part<Element>& part, Element* kept, int features) {
  float2 sum{0, 0};
  float x[N], g[N], w[N];
  for (int i = threadIdx.x * N; i < features; i += kThreads * N) {
    load(part.x + part.packed(i), x);
    load(part.incoming_at(i), g);
    load(part.weight + i, w);
    store(x, kept + i);
    store(g, kept + features + i);
    part.turn_back(g, i);
#pragma unroll
    for (int k = 0; k < N; ++k) {
      sum.x += x[k] * x[k];
      sum.y += x[k] * w[k] * g[k];
    }
  }
  return sum;
}

template <class Element, int N>
__device__ void finish_token(const Part<Element>& part, const Element* kept, ColumnSums<kThreads, N>& sums,
                             float inverse, float dot, int features) {
  float x[N], g[N], w[N];
  for (int i = threadIdx.x * N; i < features; i += kThreads * N) {
    load(kept + i, x);
    load(kept + features + i, g);
    load(part.weight + i, w);
    part.turn_back(g, i);
#pragma unroll
    for (int k = 0; k < N; ++k) {
      w[k] = inverse * (w[k] * g[k] - x[k] * dot);
      x[k] *= inverse * g[k];
    }
    sums.add(i, x);
    store(w, part.dx + part.packed(i));
  }
}

template <class Element, int N>
__global__ void __launch_bounds__(kThreads)
    backward(const __grid_constant__ WideGradient<Element> gradient, HeadShape shape, Runs runs,
             std::int64_t partial_rows, float epsilon) {
  extern __shared__ float4 memory[];
  const int part = blockIdx.y, features = shape.heads * shape.width;
  auto* const kept = reinterpret_cast<Element*>(memory);
  ColumnSums<kThreads, N> sums(reinterpret_cast<float*>(kept + 2 * features), features);
  const bool has_norm = gradient.weights.of_part[part] != nullptr;
  if (has_norm) sums.clear();
  const std::int64_t first = blockIdx.x * runs.tokens_in_run,
                     last = min(first + runs.tokens_in_run, runs.tokens);
  for (std::int64_t token = first; token < last; ++token) {
    const Part<Element> rows(gradient, part, token, shape);
    if (!has_norm) {
      copy_part<Element, N>(rows, features);
      continue;
    }
    const float2 sum = block_sum<kThreads>(begin_token<Element, N>(rows, kept, features));
    const float inverse = 1.0F / sqrtf(sum.x / features + epsilon);
    finish_token(rows, kept, sums, inverse, sum.y * inverse * inverse / features, features);
  }
  if (has_norm) sums.write_to(gradient.partial + (part * partial_rows + blockIdx.x) * features);
}

Runs runs_for(const HeadShape& shape) { return runs_of(shape.tokens, kRuns, kLeastTokensInRun); }

}  // namespace

template <class Element>
bool wide_heads_fit(const HeadShape& shape) {
  return shared_bytes<Element>(shape) <= kMostSharedBytes;
}

std::int64_t wide_partial_rows(const HeadShape& shape) { return runs_for(shape).count(); }

template <class Element>
void split_wide_heads_backward(const WideGradient<Element>& gradient, const HeadShape& shape, float epsilon,
                               cudaStream_t stream) {
  const Runs runs = runs_for(shape);
  const std::int64_t rows = runs.count();
  const auto bytes = shared_bytes<Element>(shape);
  const auto launch = [&](auto kernel) {
    allow_shared_memory(kernel, bytes);
    kernel<<<dim3(static_cast<unsigned>(rows), shape.parts), kThreads, bytes, stream>>>(gradient, shape, runs,
                                                                                        rows, epsilon);
  };
  if (rows > 0 && gradient_allows<kVector<Element>>(gradient, shape)) {
    launch(backward<Element, kVector<Element>>);
  } else if (rows > 0) {
    launch(backward<Element, 2>);
  }
  const int features = shape.heads * shape.width;
  for (int part = 0; part < shape.parts; ++part) {
    if (gradient.weights.of_part[part] == nullptr) continue;
    sum_rows(gradient.partial + part * rows * features, gradient.weight_gradients + part * features, rows,
             features, stream);
  }
}

template bool wide_heads_fit<float>(const HeadShape&);
template bool wide_heads_fit<__nv_bfloat16>(const HeadShape&);
template void split_wide_heads_backward(const WideGradient<float>&, const HeadShape&, float, cudaStream_t);
template void split_wide_heads_backward(const WideGradient<__nv_bfloat16>&, const HeadShape&, float,
                                        cudaStream_t);

}  // namespace dfm::cuda
