// numpy's names of element types: "f4" and the like.
#pragma once

#include <optional>
#include <string_view>

#include "core/dtype.h"

namespace dfm::data {

// Without the mark of the byte order. Empty for a type that dfm::DType lacks.
std::optional<DType> dtype_of_numpy(std::string_view code);

}  // namespace dfm::data
