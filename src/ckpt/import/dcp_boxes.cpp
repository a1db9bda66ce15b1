#include "ckpt/import/dcp_boxes.h"

#include <algorithm>
#include <set>

#include <fmt/core.h>

#include "core/error.h"

namespace dfm::ckpt {
namespace {

bool overlap(const DcpChunk& a, const DcpChunk& b) {
  for (std::size_t d = 0; d < a.offsets.size(); ++d) {
    if (a.offsets[d] + a.sizes[d] <= b.offsets[d] || b.offsets[d] + b.sizes[d] <= a.offsets[d]) return false;
  }
  return true;
}

// The dimension in which the boxes begin at the most places.
std::size_t most_cut_dimension(const DcpTensor& tensor) {
  std::size_t best = 0, most = 0;
  for (std::size_t d = 0; d < tensor.shape.size(); ++d) {
    std::set<std::int64_t> places;
    for (const DcpChunk& chunk : tensor.chunks) places.insert(chunk.offsets[d]);
    if (places.size() > most) most = places.size(), best = d;
  }
  return best;
}

// Sorted along that dimension, few pairs need to be compared.
bool any_overlap(const DcpTensor& tensor) {
  if (tensor.shape.empty()) return tensor.chunks.size() > 1;
  const std::size_t d = most_cut_dimension(tensor);
  std::vector<const DcpChunk*> sorted;
  for (const DcpChunk& chunk : tensor.chunks) sorted.push_back(&chunk);
  std::ranges::sort(sorted, {}, [d](const DcpChunk* chunk) { return chunk->offsets[d]; });
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const std::int64_t end = sorted[i]->offsets[d] + sorted[i]->sizes[d];
    for (std::size_t j = i + 1; j < sorted.size() && sorted[j]->offsets[d] < end; ++j) {
      if (overlap(*sorted[i], *sorted[j])) return true;
    }
  }
  return false;
}

}  // namespace

void require_inside(const DcpTensor& tensor, const DcpChunk& chunk) {
  bool fits = chunk.offsets.size() == tensor.shape.size() && chunk.sizes.size() == tensor.shape.size();
  for (std::size_t d = 0; fits && d < tensor.shape.size(); ++d) {
    fits = chunk.offsets[d] >= 0 && chunk.sizes[d] >= 0 && chunk.offsets[d] <= tensor.shape[d] &&
           chunk.sizes[d] <= tensor.shape[d] - chunk.offsets[d];
  }
  if (fits) return;
  throw data_error(fmt::format("a part of {} at {} of size {} does not lie in its shape {}", tensor.name,
                               to_text(chunk.offsets), to_text(chunk.sizes), to_text(tensor.shape)));
}

// Boxes that together have as many elements as the tensor, and do not overlap, fill it.
void require_filled(const DcpTensor& tensor) {
  std::int64_t elements = 0;
  for (const DcpChunk& chunk : tensor.chunks) {
    if (__builtin_add_overflow(elements, element_count(chunk.sizes), &elements)) {
      throw data_error(fmt::format("the parts of {} are too many", tensor.name));
    }
  }
  const bool overlaps = any_overlap(tensor);
  if (elements == element_count(tensor.shape) && !overlaps) return;
  throw data_error(fmt::format("the parts of {} {} its shape {}", tensor.name,
                               overlaps ? "overlap in" : "do not fill", to_text(tensor.shape)));
}

}  // namespace dfm::ckpt
