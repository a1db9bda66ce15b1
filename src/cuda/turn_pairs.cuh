// Rotary positions in registers.
#pragma once

namespace dfm::cuda {

// Turns each pair of x by its cosine and sine. direction: 1, or -1 to turn back.
template <int N>
__device__ inline void turn_pairs(float (&x)[N], const float2* turns, float direction) {
#pragma unroll
  for (int k = 0; k < N; k += 2) {
    const float2 by = turns[k / 2];
    const float even = x[k], odd = x[k + 1], sine = by.y * direction;
    x[k] = even * by.x - odd * sine;
    x[k + 1] = even * sine + odd * by.x;
  }
}

}  // namespace dfm::cuda
