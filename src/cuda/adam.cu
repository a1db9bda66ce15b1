// AdamW in one pass over weights, gradient, moments, moving average and the copy that is published
// (train/optimizer_kernels.h). Bound by memory.
#include "cuda/optimizer.h"
#include "cuda/segments.cuh"
#include "cuda/vector_access.cuh"

namespace dfm::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kVector = 4;
constexpr std::int64_t kPiece = kThreads * kVector * 4;

template <int N>
__device__ void load_gradient(const AdamSegment& segment, std::int64_t at, float (&out)[N]) {
  if (segment.gradient_is_bfloat16) {
    load(static_cast<const __nv_bfloat16*>(segment.gradient) + at, out);
  } else {
    load(static_cast<const float*>(segment.gradient) + at, out);
  }
}

template <int N>
__device__ void publish(const float (&weights)[N], const AdamSegment& segment, std::int64_t at) {
  if (segment.published == nullptr) return;
  if (segment.published_is_bfloat16) {
    store(weights, static_cast<__nv_bfloat16*>(segment.published) + at);
  } else {
    store(weights, static_cast<float*>(segment.published) + at);
  }
}

// As lerp of ATen.
template <int N>
__device__ void follow(const float (&weights)[N], float* average, float rate) {
  float a[N];
  load(average, a);
#pragma unroll
  for (int i = 0; i < N; ++i) {
    const float way = weights[i] - a[i];
    a[i] = rate < 0.5F ? a[i] + rate * way : weights[i] - way * (1.0F - rate);
  }
  store(a, average);
}

template <int N>
__device__ void update(const AdamSegment& segment, std::int64_t at, const AdamCoefficients& c, float scale) {
  float w[N], g[N], m[N], v[N];
  load(segment.weights + at, w);
  load_gradient(segment, at, g);
  load(segment.first_moment + at, m);
  load(segment.second_moment + at, v);
#pragma unroll
  for (int i = 0; i < N; ++i) {
    const float gradient = g[i] * scale;
    m[i] += (1.0F - c.beta1) * (gradient - m[i]);
    v[i] = c.beta2 * v[i] + (1.0F - c.beta2) * gradient * gradient;
    w[i] = w[i] * segment.decay - c.rate * m[i] / (sqrtf(v[i]) * c.root_correction + c.epsilon);
  }
  store(w, segment.weights + at);
  store(m, segment.first_moment + at);
  store(v, segment.second_moment + at);
  if (segment.average != nullptr) follow(w, segment.average + at, c.average_rate);
  publish(w, segment, at);
}

__device__ bool is_aligned_as(const void* data, bool is_bfloat16) {
  return is_bfloat16 ? is_aligned<kVector>(static_cast<const __nv_bfloat16*>(data))
                     : is_aligned<kVector>(static_cast<const float*>(data));
}

// Null is aligned.
__device__ bool has_vectors(const AdamSegment& s) {
  const bool state = is_aligned<kVector>(s.weights) && is_aligned<kVector>(s.first_moment) &&
                     is_aligned<kVector>(s.second_moment) && is_aligned<kVector>(s.average);
  return state && is_aligned_as(s.gradient, s.gradient_is_bfloat16) &&
         is_aligned_as(s.published, s.published_is_bfloat16);
}

__global__ void adam_kernel(const __grid_constant__ SegmentTable<AdamSegment> table, const AdamCoefficients c,
                            const float* gradient_scale) {
  const Piece piece = piece_of_block(table, kPiece);
  const AdamSegment& segment = table.segments[piece.segment];
  const std::int64_t end = min(piece.begin + kPiece, segment.count);
  const float scale = *gradient_scale;
  std::int64_t rest = piece.begin;
  if (has_vectors(segment)) {
    rest = end - end % kVector;
    for (std::int64_t i = piece.begin + threadIdx.x * kVector; i < rest; i += kThreads * kVector) {
      update<kVector>(segment, i, c, scale);
    }
  }
  for (std::int64_t i = rest + threadIdx.x; i < end; i += kThreads) update<1>(segment, i, c, scale);
}

}  // namespace

void adam(const AdamSegment* segments, std::int64_t count, const AdamCoefficients& coefficients,
          const float* gradient_scale, cudaStream_t stream) {
  for_each_table(segments, count, kPiece, [&](const auto& table, unsigned pieces, std::int64_t) {
    adam_kernel<<<pieces, kThreads, 0, stream>>>(table, coefficients, gradient_scale);
  });
}

}  // namespace dfm::cuda
