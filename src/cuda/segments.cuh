// One launch for many runs of elements: a table of segments travels as the kernel's argument, and each block
// of threads has one piece of one of them.
#pragma once

#include <algorithm>
#include <cstdint>

namespace dfm::cuda {

// Arguments of a kernel have 4 KiB.
template <class Segment>
struct SegmentTable {
  static constexpr int kMost = 3584 / (sizeof(Segment) + sizeof(std::int64_t));

  Segment segments[kMost];
  std::int64_t first_piece[kMost + 1];
  int count;
};

struct Piece {
  int segment;
  std::int64_t begin;  // element
};

template <class Segment>
__device__ Piece piece_of_block(const SegmentTable<Segment>& table, std::int64_t piece_elements) {
  int low = 0, high = table.count;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    (table.first_piece[middle] <= blockIdx.x ? low : high) = middle;
  }
  return {low, (blockIdx.x - table.first_piece[low]) * piece_elements};
}

inline std::int64_t pieces_in(std::int64_t elements, std::int64_t piece_elements) {
  return (elements + piece_elements - 1) / piece_elements;
}

// Calls launch(table, pieces, pieces before) until all segments are covered.
template <class Segment, class Launch>
void for_each_table(const Segment* segments, std::int64_t count, std::int64_t piece_elements,
                    const Launch& launch) {
  std::int64_t before = 0;
  SegmentTable<Segment> table;
  for (std::int64_t first = 0; first < count; first += table.count) {
    table.count = static_cast<int>(std::min<std::int64_t>(count - first, table.kMost));
    table.first_piece[0] = 0;
    for (int i = 0; i < table.count; ++i) {
      table.segments[i] = segments[first + i];
      table.first_piece[i + 1] = table.first_piece[i] + pieces_in(segments[first + i].count, piece_elements);
    }
    const std::int64_t pieces = table.first_piece[table.count];
    if (pieces > 0) launch(table, static_cast<unsigned>(pieces), before);
    before += pieces;
  }
}

}  // namespace dfm::cuda
