// Weights whose rows lie side by side in every head of one weight, as q, k and v do in linear_qkv: the rows
// of q's first head, of k's first, of v's first, of q's second head, ... Elements are read where they lie,
// range by range; nothing is held.
//
//   SourceTensor qkv = side_by_side({q, k, v}, heads);              // [3h, h] from three of [h, h]
//   std::vector<SourceTensor> parts = parts_in_heads(qkv, 3, heads);  // and back
#pragma once

#include <cstdint>
#include <vector>

#include "ckpt/import/source.h"

namespace dfm::ckpt {

// Has kind and type of the parts, and the name of the first. Throws a data error for parts of different
// shapes or types, and for rows that the heads do not divide.
SourceTensor side_by_side(const std::vector<SourceTensor>& parts, std::int64_t heads);

// All with the name of the whole. Throws a data error for rows that the heads do not divide. The first
// carries what is recorded of the whole's checksums.
std::vector<SourceTensor> parts_in_heads(const SourceTensor& whole, std::int64_t parts, std::int64_t heads);

}  // namespace dfm::ckpt
