// Converts elements between the floating-point types, as they lie in files.
#pragma once

#include <cstddef>
#include <span>

#include "core/dtype.h"

namespace dfm {

bool is_floating_point(DType dtype);

// As many elements as `from` holds; `to` has room for as many. Equal types are copied. Throws a data error
// where one of two different types is not floating-point. Values go through float32, rounding to nearest
// even.
void convert_elements(std::span<const std::byte> from, DType from_type, std::span<std::byte> to,
                      DType to_type);

}  // namespace dfm
