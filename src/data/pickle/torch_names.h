// What torch calls the storages of an element type: "FloatStorage" of module torch.
#pragma once

#include <string_view>

#include "core/dtype.h"

namespace dfm::data::pickle {

std::string_view torch_storage_name(DType dtype);

}  // namespace dfm::data::pickle
