// Numpy's .npy files (format versions 1 to 3): a header that describes the array, then its elements; and .npz
// files of numpy.savez, which are ZIP archives of them.
#pragma once

#include <memory>
#include <string_view>

#include "data/tensor/array_view.h"
#include "data/tensor/byte_range.h"

namespace dfm::data {

// The array; its elements are not read. Throws a data error for other element types than dfm::DType has, for
// structured and object arrays, and for a file whose length is not that of its elements.
std::shared_ptr<const ArrayView> open_npy(const ByteRange& file);

// The array of that name in an archive. Throws a data error where there is none, and for entries that are
// compressed (numpy.savez_compressed).
std::shared_ptr<const ArrayView> open_npz(const ByteRange& file, std::string_view array);

}  // namespace dfm::data
