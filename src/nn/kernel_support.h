// What the CPU kernels share: element access in fp32 whatever the stored type, dispatch by type, and cloning
// of a loop for the vector units it may meet.
#pragma once

#include <bit>
#include <cstdint>

#include "core/error.h"
#include "nn/torch_header.h"

// One binary for all x86-64: the loader picks the clone for the CPU at hand.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define DFM_VECTOR_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define DFM_VECTOR_CLONES
#endif

namespace dfm::nn {

inline float load(float value) { return value; }
inline float load(at::BFloat16 value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value.x) << 16U);
}

inline void store(float value, float& target) { target = value; }
// Round to nearest even, without a branch for NaN: a NaN may become another NaN or infinity, never a number.
inline void store(float value, at::BFloat16& target) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  target.x = static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U);
}

// The type in which to multiply matrices of the type `stored`. Without instructions for bfloat16, a CPU
// emulates its products at a quarter of the speed of float32; both add up in float32, so only the speed
// differs.
inline at::ScalarType product_type(at::ScalarType stored) {
#if defined(__x86_64__) && defined(__GNUC__)
  static const bool has_bfloat16 = __builtin_cpu_supports("avx512bf16") != 0;
  if (!has_bfloat16) return at::kFloat;
#endif
  return stored;
}

// Calls f with a value of the element type: dispatch(tensor, [&]<class T>(T) { kernel<T>(...); }).
template <class F>
void dispatch(const at::Tensor& tensor, F&& f) {
  switch (tensor.scalar_type()) {
    case at::kFloat:
      f(float{});
      return;
    case at::kBFloat16:
      f(at::BFloat16{});
      return;
    default:
      throw internal_error("this kernel takes float32 and bfloat16 only");
  }
}

}  // namespace dfm::nn
