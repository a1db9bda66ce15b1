#include "ckpt/snapshot.h"

#include <algorithm>
#include <new>

#include <sys/mman.h>

namespace dfm::ckpt {

std::vector<Piece> Snapshot::take(const std::vector<Piece>& pieces) {
  std::size_t count = 0;
  for (const Piece& piece : pieces) count += piece.values.size();
  reserve(count);
  std::vector<Piece> copies = pieces;
  float* next = memory_.get();
  for (Piece& piece : copies) {
    const std::span<float> copy(next, piece.values.size());
    std::ranges::copy(piece.values, copy.begin());
    piece.values = copy;
    next += copy.size();
  }
  return copies;
}

void Snapshot::reserve(std::size_t count) {
  static constexpr std::size_t kHugePage = 2U << 20U;
  if (count <= capacity_) return;
  memory_.reset();
  capacity_ = 0;
  const std::size_t bytes = (count * sizeof(float) + kHugePage - 1) / kHugePage * kHugePage;
  memory_.reset(static_cast<float*>(std::aligned_alloc(kHugePage, bytes)));
  if (memory_ == nullptr) throw std::bad_alloc();
  // Advice: with large pages the first copy into fresh memory is as fast as the following ones.
  ::madvise(memory_.get(), bytes, MADV_HUGEPAGE);
  capacity_ = count;
}

}  // namespace dfm::ckpt
