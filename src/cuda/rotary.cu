// Pairs of features turned by an angle a token (nn/rotary.h). Bound by memory: a block has a token, whose
// turns all heads share.
#include "cuda/head_vectors.cuh"
#include "cuda/turn_pairs.cuh"

namespace dfm::cuda {
namespace {

constexpr int kThreads = 128;

template <class Element, int N>
__global__ void turn_kernel(HeadRows<const Element> heads, const float2* turns, Element* out, HeadShape shape,
                            float direction) {
  const std::int64_t token = blockIdx.x;
  const int vectors = shape.width / N;
  const float2* const of_token = turns + token * (shape.width / 2);
  for (int i = threadIdx.x; i < shape.heads * vectors; i += kThreads) {
    const int head = i / vectors, element = i % vectors * N;
    float x[N];
    load(heads.data + head * heads.head_stride + token * heads.token_stride + element, x);
    turn_pairs(x, of_token + element / 2, direction);
    store(x, out + (token * shape.heads + head) * shape.width + element);
  }
}

template <int N, class Element>
bool allows(const HeadRows<const Element>& heads, const Element* out, int width) {
  return width % N == 0 && rows_allow<N>(heads) && is_aligned<N>(out);
}

}  // namespace

template <class Element>
void turn(const HeadRows<const Element>& heads, const float2* turns, Element* out, const HeadShape& shape,
          float direction, cudaStream_t stream) {
  if (shape.pairs() == 0) return;
  const auto blocks = static_cast<unsigned>(shape.tokens);
  if (allows<kVector<Element>>(heads, out, shape.width)) {
    turn_kernel<Element, kVector<Element>>
        <<<blocks, kThreads, 0, stream>>>(heads, turns, out, shape, direction);
  } else {
    turn_kernel<Element, 2><<<blocks, kThreads, 0, stream>>>(heads, turns, out, shape, direction);
  }
}

template void turn(const HeadRows<const float>&, const float2*, float*, const HeadShape&, float,
                   cudaStream_t);
template void turn(const HeadRows<const __nv_bfloat16>&, const float2*, __nv_bfloat16*, const HeadShape&,
                   float, cudaStream_t);

}  // namespace dfm::cuda
