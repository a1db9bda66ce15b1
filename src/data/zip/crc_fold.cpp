// V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel 2009,
// for the bit-reflected polynomial 0xEDB88320. The constants are powers of x modulo the polynomial,
// reflected.
#include "data/zip/crc_fold.h"

#include "core/error.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace dfm::data {

#if defined(__x86_64__)

namespace {

#define DFM_FOLDS __attribute__((target("pclmul,sse4.1")))

#define DFM_FOLDS_WIDE __attribute__((target("avx512f,vpclmulqdq,pclmul,sse4.1")))

constexpr std::size_t kLane = 16, kLanes = 4, kBlock = kLanes * kLane, kBlocks = 4;

DFM_FOLDS inline __m128i lane(const std::byte* bytes) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
}

// Moves a lane as many bits ahead as the two constants say, onto what is there.
DFM_FOLDS inline __m128i fold(__m128i moved, __m128i constants, __m128i onto) {
  const __m128i low = _mm_clmulepi64_si128(moved, constants, 0x00);
  const __m128i high = _mm_clmulepi64_si128(moved, constants, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), onto);
}

DFM_FOLDS_WIDE inline __m512i block(const std::byte* bytes) { return _mm512_loadu_si512(bytes); }

// The same for the four lanes of a block.
DFM_FOLDS_WIDE inline __m512i fold(__m512i moved, __m512i constants, __m512i onto) {
  constexpr int kXorOfAll = 0x96;
  return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(moved, constants, 0x00),
                                   _mm512_clmulepi64_epi128(moved, constants, 0x11), onto, kXorOfAll);
}

DFM_FOLDS_WIDE inline __m512i four_times(long long high, long long low) {
  return _mm512_set4_epi64(high, low, high, low);
}

bool can_fold_blocks() {
  static const bool can = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("vpclmulqdq") != 0;
  return can;
}

// Folds the bytes, whole groups of kBlocks blocks, into one block, whose first bits the CRC goes into.
DFM_FOLDS_WIDE void fold_blocks(std::uint32_t crc, std::span<const std::byte> bytes,
                                __m128i (&lanes)[kLanes]) {
  const __m512i by_four_blocks = four_times(0x1322d1430, 0x11542778a);
  const __m512i by_one_block = four_times(0x1c6e41596, 0x154442bd4);
  __m512i blocks[kBlocks];  // in registers, once the loops are unrolled
#pragma GCC unroll 4
  for (std::size_t i = 0; i < kBlocks; ++i) blocks[i] = block(bytes.data() + i * kBlock);
  blocks[0] = _mm512_xor_si512(blocks[0], _mm512_zextsi128_si512(_mm_cvtsi32_si128(static_cast<int>(~crc))));
  for (std::size_t at = kBlocks * kBlock; at < bytes.size(); at += kBlocks * kBlock) {
#pragma GCC unroll 4
    for (std::size_t i = 0; i < kBlocks; ++i)
      blocks[i] = fold(blocks[i], by_four_blocks, block(bytes.data() + at + i * kBlock));
  }
  __m512i value = blocks[0];
#pragma GCC unroll 4
  for (std::size_t i = 1; i < kBlocks; ++i) value = fold(value, by_one_block, blocks[i]);
  _mm512_storeu_si512(lanes, value);
}

// 128 bits to the remainder of 32, by two more folds and Barrett's reduction.
DFM_FOLDS inline std::uint32_t reduce(__m128i value, __m128i by_one_lane) {
  const __m128i low_words = _mm_setr_epi32(-1, 0, -1, 0);
  const __m128i by_64 = _mm_set_epi64x(0, 0x163cd6124);
  const __m128i barrett = _mm_set_epi64x(0x1f7011641, 0x1db710641);
  value = _mm_xor_si128(_mm_srli_si128(value, 8), _mm_clmulepi64_si128(value, by_one_lane, 0x10));
  value = _mm_xor_si128(_mm_srli_si128(value, 4),
                        _mm_clmulepi64_si128(_mm_and_si128(value, low_words), by_64, 0x00));
  __m128i quotient = _mm_clmulepi64_si128(_mm_and_si128(value, low_words), barrett, 0x10);
  quotient = _mm_clmulepi64_si128(_mm_and_si128(quotient, low_words), barrett, 0x00);
  return static_cast<std::uint32_t>(_mm_extract_epi32(_mm_xor_si128(value, quotient), 1));
}

}  // namespace

bool can_fold_crc32() {
  static const bool can = __builtin_cpu_supports("pclmul") != 0 && __builtin_cpu_supports("sse4.1") != 0;
  return can;
}

DFM_FOLDS std::uint32_t fold_crc32(std::uint32_t crc, std::span<const std::byte> bytes) {
  const __m128i by_one_block = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
  const __m128i by_one_lane = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
  __m128i lanes[kLanes];
  std::size_t done = bytes.size() / (kBlocks * kBlock) * (kBlocks * kBlock);
  if (done > 0 && can_fold_blocks()) {
    fold_blocks(crc, bytes.first(done), lanes);
  } else {
    done = kBlock;
    for (std::size_t i = 0; i < kLanes; ++i) lanes[i] = lane(bytes.data() + i * kLane);
    lanes[0] = _mm_xor_si128(lanes[0], _mm_cvtsi32_si128(static_cast<int>(~crc)));
  }
  const std::byte* next = bytes.data() + done;
  const std::byte* const end = bytes.data() + bytes.size();
  for (; end - next >= static_cast<std::ptrdiff_t>(kBlock); next += kBlock) {
    for (std::size_t i = 0; i < kLanes; ++i) lanes[i] = fold(lanes[i], by_one_block, lane(next + i * kLane));
  }
  __m128i value = lanes[0];
  for (std::size_t i = 1; i < kLanes; ++i) value = fold(value, by_one_lane, lanes[i]);
  for (; next != end; next += kLane) value = fold(value, by_one_lane, lane(next));
  return ~reduce(value, by_one_lane);
}

#else

bool can_fold_crc32() { return false; }

std::uint32_t fold_crc32(std::uint32_t, std::span<const std::byte>) {
  throw internal_error("this processor cannot fold");
}

#endif

}  // namespace dfm::data
