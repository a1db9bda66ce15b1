// The sum of squares of many tensors: each thread adds its few in float32, everything above in float64.
#include "cuda/block_sum.cuh"
#include "cuda/optimizer.h"
#include "cuda/segments.cuh"
#include "cuda/vector_access.cuh"

namespace dfm::cuda {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kPiece = kThreads * 128;

template <int N, class Element>
__device__ float squares_between(const Element* x, std::int64_t begin, std::int64_t end) {
  float sum = 0;
  for (std::int64_t i = begin + threadIdx.x * N; i < end; i += kThreads * N) {
    float values[N];
    load(x + i, values);
#pragma unroll
    for (int k = 0; k < N; ++k) sum += values[k] * values[k];
  }
  return sum;
}

template <class Element>
__device__ float squares_of_piece(const void* data, std::int64_t begin, std::int64_t end) {
  constexpr int N = kVector<Element>;
  const auto* const x = static_cast<const Element*>(data);
  if (!is_aligned<N>(x)) return squares_between<1>(x, begin, end);
  const std::int64_t rest = end - end % N;
  return squares_between<N>(x, begin, rest) + squares_between<1>(x, rest, end);
}

__global__ void partial_sums(const __grid_constant__ SegmentTable<Values> table, double* partial) {
  const Piece piece = piece_of_block(table, kPiece);
  const Values& values = table.segments[piece.segment];
  const std::int64_t end = min(piece.begin + kPiece, values.count);
  const float mine = values.is_bfloat16 ? squares_of_piece<__nv_bfloat16>(values.data, piece.begin, end)
                                        : squares_of_piece<float>(values.data, piece.begin, end);
  const double sum = block_sum<kThreads>(static_cast<double>(mine));
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

constexpr int kLastThreads = 1024;

__global__ void sum_of_parts(const double* partial, std::int64_t count, double* out) {
  double mine = 0;
  for (std::int64_t i = threadIdx.x; i < count; i += kLastThreads) mine += partial[i];
  const double sum = block_sum<kLastThreads>(mine);
  if (threadIdx.x == 0) *out = sum;
}

}  // namespace

std::int64_t parts_of(const Values* values, std::int64_t count) {
  std::int64_t parts = 0;
  for (std::int64_t i = 0; i < count; ++i) parts += pieces_in(values[i].count, kPiece);
  return parts;
}

void sum_of_squares(const Values* values, std::int64_t count, double* partial, double* sum,
                    cudaStream_t stream) {
  for_each_table(values, count, kPiece, [&](const auto& table, unsigned pieces, std::int64_t before) {
    partial_sums<<<pieces, kThreads, 0, stream>>>(table, partial + before);
  });
  sum_of_parts<<<1, kLastThreads, 0, stream>>>(partial, parts_of(values, count), sum);
}

}  // namespace dfm::cuda
