// Numpy's .npy files (format versions 1 to 3): a header that describes the array, then its elements.
#pragma once

#include <memory>

#include "data/tensor/array_view.h"
#include "data/tensor/byte_range.h"

namespace dfm::data {

// The array; its elements are not read. Throws a data error for other element types than dfm::DType has, for
// structured and object arrays, and for a file whose length is not that of its elements.
std::shared_ptr<const ArrayView> open_npy(const ByteRange& file);

}  // namespace dfm::data
