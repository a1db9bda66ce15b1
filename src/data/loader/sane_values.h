// Whether the numbers of a tensor are ones to train on.
#pragma once

#include <cstddef>
#include <span>

#include "core/array.h"

namespace dfm::data {

inline constexpr int kGreatestMagnitude = 1000;

// Whether all are finite and of at most kGreatestMagnitude (spec/dfm.md section 4.4). Throws a data error for
// element types that are no floating-point numbers.
bool are_sane(DType dtype, std::span<const std::byte> elements);

}  // namespace dfm::data
