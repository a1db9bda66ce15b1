// Compiled without contraction of a*b+c (see cuda_library.cmake), as core/philox.cpp.
#include "core/philox_block.h"
#include "cuda/random.h"

namespace dfm::cuda {
namespace {

constexpr int kThreads = 256;

// A thread has a block of four elements, of which the first and the last thread may need a part.
template <class Out, class Make>
__global__ void fill(RandomElements elements, philox::Key key, Out* out, std::int64_t count, Make make) {
  const std::uint64_t index = elements.first / 4 + blockIdx.x * std::uint64_t{kThreads} + threadIdx.x;
  const philox::Words words = philox::block_of(index, elements.thing, key);
  Out four[4];
  make(words, four);
  const auto place = static_cast<std::int64_t>(index * 4 - elements.first);
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    if (place + i >= 0 && place + i < count) out[place + i] = four[i];
  }
}

struct Normals {
  __device__ void operator()(const philox::Words& words, float* out) const { philox::normals_of(words, out); }
};

struct Bits {
  __device__ void operator()(const philox::Words& words, std::uint32_t* out) const {
    for (int i = 0; i < 4; ++i) out[i] = words.value[i];
  }
};

template <class Out, class Make>
void launch(const RandomElements& elements, Out* out, std::int64_t count, Make make, cudaStream_t stream) {
  if (count == 0) return;
  const std::uint64_t fours = (elements.first + count - 1) / 4 - elements.first / 4 + 1;
  const auto blocks = static_cast<unsigned>((fours + kThreads - 1) / kThreads);
  fill<<<blocks, kThreads, 0, stream>>>(elements, philox::key_of(elements.seed, elements.stream), out, count,
                                        make);
}

}  // namespace

void normals(const RandomElements& elements, float* out, std::int64_t count, cudaStream_t stream) {
  launch(elements, out, count, Normals{}, stream);
}

void random_words(const RandomElements& elements, std::uint32_t* out, std::int64_t count,
                  cudaStream_t stream) {
  launch(elements, out, count, Bits{}, stream);
}

}  // namespace dfm::cuda
