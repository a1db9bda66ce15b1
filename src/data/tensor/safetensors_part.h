// A tensor by its name from a small .safetensors file that is a part of a sample. (ckpt/safetensors.h reads
// and writes large ones.)
#pragma once

#include <memory>
#include <string_view>

#include "data/tensor/array_view.h"
#include "data/tensor/byte_range.h"

namespace dfm::data {

// The tensor; its elements are not read. Throws a data error where there is none of that name, and for a file
// whose header does not describe it.
std::shared_ptr<const ArrayView> open_safetensors(const ByteRange& file, std::string_view tensor);

}  // namespace dfm::data
