// Sums over the tokens of each sample, made in two steps: blocks of threads have fixed runs of tokens, and
// write one row of partial sums for every sample they meet; then the rows of a sample are added in order.
//
// Run b writes its sums for sample s as row b + s: runs and samples both go up with the tokens, so no two
// write the same.
#pragma once

#include "cuda/device_support.cuh"
#include "cuda/kernels.h"

namespace dfm::cuda {

struct Runs {
  std::int64_t tokens, tokens_in_run;

  std::int64_t count() const { return (tokens + tokens_in_run - 1) / tokens_in_run; }
  std::int64_t partial_rows(const Samples& samples) const { return count() + samples.count; }
};

// About as many as asked for, of `least` tokens or more.
inline Runs runs_of(std::int64_t tokens, std::int64_t wanted, std::int64_t least) {
  const std::int64_t even = (tokens + wanted - 1) / wanted;
  return {tokens, even < least ? least : even};
}

// Which rows of partial sums are added to row `index` of the result: [begin, end).
struct RowRange {
  std::int64_t begin, end;
};

struct RowsOfSample {
  Samples samples;
  std::int64_t tokens_in_run;

  __device__ RowRange operator()(std::int64_t sample) const {
    const std::int64_t begin = samples.begins[sample], end = samples.begins[sample + 1];
    if (begin == end) return {0, 0};
    return {begin / tokens_in_run + sample, (end - 1) / tokens_in_run + sample + 1};
  }
};

struct AllRows {
  std::int64_t count;

  __device__ RowRange operator()(std::int64_t) const { return {0, count}; }
};

constexpr int kSumColumns = 32, kSumRows = 32;

template <class Out, class Rows>
__global__ void sum_partial_rows(const float* partial, Out* out, Rows rows, int columns) {
  __shared__ float sums[kSumRows][kSumColumns + 1];
  const RowRange range = rows(blockIdx.y);
  const int column = blockIdx.x * kSumColumns + threadIdx.x;
  float sum = 0;
  if (column < columns) {
    for (std::int64_t row = range.begin + threadIdx.y; row < range.end; row += kSumRows) {
      sum += partial[row * columns + column];
    }
  }
  sums[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y > 0 || column >= columns) return;
  float total = 0;
  for (int row = 0; row < kSumRows; ++row) total += sums[row][threadIdx.x];
  out[blockIdx.y * std::int64_t{columns} + column] = from_float<Out>(total);
}

template <class Out, class Rows>
void sum_into(const float* partial, Out* out, const Rows& rows, std::int64_t results, int columns,
              cudaStream_t stream) {
  if (results == 0) return;
  const dim3 blocks((columns + kSumColumns - 1) / kSumColumns, static_cast<unsigned>(results));
  sum_partial_rows<<<blocks, dim3(kSumColumns, kSumRows), 0, stream>>>(partial, out, rows, columns);
}

// out [samples, columns] = the sums of partial [runs + samples, columns].
template <class Out>
void sum_by_sample(const float* partial, Out* out, const Samples& samples, const Runs& runs, int columns,
                   cudaStream_t stream) {
  sum_into(partial, out, RowsOfSample{samples, runs.tokens_in_run}, samples.count, columns, stream);
}

// out [columns] = the sum of partial [rows, columns].
template <class Out>
void sum_rows(const float* partial, Out* out, std::int64_t rows, int columns, cudaStream_t stream) {
  sum_into(partial, out, AllRows{rows}, 1, columns, stream);
}

// A thread's place among the tokens of its run: which sample they are of.
class TokenWalk {
 public:
  __device__ TokenWalk(const Samples& samples, const Runs& runs, std::int64_t run)
      : samples_(samples),
        run_(run),
        token_(run * runs.tokens_in_run),
        last_(min(token_ + runs.tokens_in_run, runs.tokens)),
        sample_(sample_of(token_, samples)),
        sample_end_(samples.begins[sample_ + 1]) {}

  __device__ bool is_over() const { return token_ >= last_; }
  __device__ void next() { ++token_; }
  // Goes to the sample of the token, if that is a further one; call until false.
  __device__ bool enters_sample() {
    if (token_ < sample_end_) return false;
    sample_end_ = samples_.begins[++sample_ + 1];
    return true;
  }
  __device__ std::int64_t token() const { return token_; }
  __device__ std::int64_t sample() const { return sample_; }
  __device__ std::int64_t partial_row() const { return run_ + sample_; }

 private:
  Samples samples_;
  std::int64_t run_, token_, last_, sample_, sample_end_;
};

}  // namespace dfm::cuda
