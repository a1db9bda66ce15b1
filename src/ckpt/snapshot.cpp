#include "ckpt/snapshot.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <new>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace dfm::ckpt {
namespace {

// Past the caches: the copy is not read again before it would have left them, and what it would be stored
// over need not be fetched first. The C library does so only for single copies larger than its caches.
void copy_past_caches(std::span<const float> from, float* to) {
#ifdef __SSE2__
  static constexpr std::uintptr_t kLine = 64;
  static constexpr std::size_t kAhead = 1024;
  static constexpr std::size_t kLineFloats = kLine / sizeof(float);
  while (!from.empty() && reinterpret_cast<std::uintptr_t>(to) % kLine != 0) {
    *to++ = from.front();
    from = from.subspan(1);
  }
  for (; from.size() >= kLineFloats; from = from.subspan(kLineFloats), to += kLineFloats) {
    _mm_prefetch(reinterpret_cast<const char*>(from.data()) + kAhead, _MM_HINT_NTA);
    const __m128 a = _mm_loadu_ps(from.data()), b = _mm_loadu_ps(from.data() + 4);
    const __m128 c = _mm_loadu_ps(from.data() + 8), d = _mm_loadu_ps(from.data() + 12);
    _mm_stream_ps(to, a);
    _mm_stream_ps(to + 4, b);
    _mm_stream_ps(to + 8, c);
    _mm_stream_ps(to + 12, d);
  }
  _mm_sfence();  // other threads see all of it
#endif
  std::ranges::copy(from, to);
}

void copy(const Piece& piece, std::span<float> to) {
  if (piece.is_distant()) {
    piece.distant.copy(to);
  } else {
    copy_past_caches(piece.values, to.data());
  }
}

}  // namespace

std::vector<Piece> Snapshot::take(const std::vector<Piece>& pieces) {
  return copies_of(pieces, [](const Piece&) { return true; });
}

std::vector<Piece> Snapshot::brought_here(const std::vector<Piece>& pieces) {
  return copies_of(pieces, &Piece::is_distant);
}

template <class Which>
std::vector<Piece> Snapshot::copies_of(const std::vector<Piece>& pieces, const Which& which) {
  std::size_t count = 0;
  for (const Piece& piece : pieces) count += std::invoke(which, piece) ? piece.count() : 0;
  reserve(count);
  std::vector<Piece> copies = pieces;
  float* next = memory_.get();
  for (Piece& piece : copies) {
    if (!std::invoke(which, piece)) continue;
    const std::span<float> here(next, piece.count());
    copy(piece, here);
    piece.values = here;
    piece.distant = {};
    next += here.size();
  }
  return copies;
}

void Snapshot::reserve(std::size_t count) {
  static constexpr std::size_t kLine = 64;
  if (count <= capacity_) return;
  memory_.reset();
  capacity_ = 0;
  // Large pages are not asked for: where memory is in pieces, the first copy waits for them to be put
  // together.
  const std::size_t bytes = (count * sizeof(float) + kLine - 1) / kLine * kLine;
  memory_.reset(static_cast<float*>(std::aligned_alloc(kLine, bytes)));
  if (memory_ == nullptr) throw std::bad_alloc();
  capacity_ = count;
}

}  // namespace dfm::ckpt
